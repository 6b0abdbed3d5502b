"""Tables in Parquet and CSV files, whole or absent.

Apart from :mod:`vital.runtime.files`, which loads neither pandas nor pyarrow.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from vital.errors import ArtefactError, first_line
from vital.runtime.files import replacing, write_text


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write ``table`` to one Parquet file, rows and columns in the order given."""
    with replacing(path) as temporary:
        pq.write_table(pa.Table.from_pandas(table, preserve_index=False), temporary)


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet file that another stage wrote.

    Raises ArtefactError when it is missing or damaged.
    """
    try:
        table: pd.DataFrame = pq.read_table(path).to_pandas()
    except FileNotFoundError:
        raise ArtefactError(f"{path} does not exist: run the stage that writes it") from None
    except (pa.ArrowException, OSError, ValueError, TypeError) as error:
        raise ArtefactError(f"{path} is damaged: {first_line(error)}") from None
    return table


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write ``table`` as CSV with nine significant digits, whole or not at all."""
    write_text(path, table.to_csv(index=False, float_format="%.9g", lineterminator="\n"))
