"""A table is written and read whole: its columns are there and hold what they must."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vital.artefacts.table import Kind, Table
from vital.errors import ArtefactError
from vital.runtime.table_files import write_parquet

TABLE = Table(
    "things.parquet",
    {"word": Kind.TEXT, "count": Kind.WHOLE, "size": Kind.NUMBER, "box": Kind.LIST},
)
WHOLE = {"word": ["NA", None], "count": [1, 2], "size": [0.5, np.nan], "box": [[1, 2], [3]]}


def test_what_was_written_is_read(tmp_path: Path) -> None:
    table = pd.DataFrame(WHOLE).assign(more=[True, False])
    TABLE.write(tmp_path, table)
    read = TABLE.read(tmp_path)
    assert list(read) == [*TABLE.columns, "more"]
    assert read["word"].isna().tolist() == [False, True]
    assert read["word"][0] == "NA"
    assert [list(box) for box in read["box"]] == WHOLE["box"]


@pytest.mark.parametrize("column", TABLE.columns)
def test_a_lost_column_is_named(tmp_path: Path, column: str) -> None:
    write_parquet(TABLE.path(tmp_path), pd.DataFrame(WHOLE).drop(columns=column))
    with pytest.raises(ArtefactError, match=rf"things\.parquet has no column '{column}'"):
        TABLE.read(tmp_path)


@pytest.mark.parametrize(
    ("column", "values"),
    [("word", [1, 2]), ("count", [0.5, 1.0]), ("size", ["a", "b"]), ("box", ["a", "b"])],
)
def test_another_kind_is_refused_by_both_ways(
    tmp_path: Path, column: str, values: list[object]
) -> None:
    table = pd.DataFrame({**WHOLE, column: values})
    with pytest.raises(ArtefactError, match=f"holds other than .* in the column '{column}'"):
        TABLE.write(tmp_path, table)
    assert not TABLE.path(tmp_path).exists()
    write_parquet(TABLE.path(tmp_path), table)
    with pytest.raises(ArtefactError, match=f"holds other than .* in the column '{column}'"):
        TABLE.read(tmp_path)


def test_whole_numbers_with_gaps_and_whole_numbers_as_numbers_fit(tmp_path: Path) -> None:
    table = pd.DataFrame({**WHOLE, "size": [1, 2]}).astype({"count": "Int32"})
    table.loc[0, "count"] = pd.NA
    TABLE.write(tmp_path, table)
    assert TABLE.read(tmp_path)["count"].isna().tolist() == [True, False]


def test_without_rows_or_without_the_file_there_are_the_columns(tmp_path: Path) -> None:
    assert list(TABLE.read_if_there(tmp_path)) == list(TABLE.columns)
    TABLE.write(tmp_path, TABLE.frame())
    assert TABLE.read_if_there(tmp_path).empty
    with pytest.raises(ArtefactError, match="does not exist"):
        TABLE.read(tmp_path / "elsewhere")
