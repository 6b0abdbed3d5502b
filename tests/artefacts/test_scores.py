"""Tables of scores as text: names and numbers come back as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from vital.artefacts.scores import EMBEDDING_FILE, read_embedding, read_history, write_history
from vital.errors import ArtefactError
from vital.runtime.table_files import write_csv

WORDS = ["NA", "nan", "null", "None", "", "1.50", "<NA>"]
"""Names that a reader of tables may take for numbers or for nothing."""


def test_names_in_the_embedding_come_back(tmp_path: Path) -> None:
    table = pd.DataFrame({"kind": "vital", "unit": range(len(WORDS)), "name": WORDS})
    write_csv(tmp_path / EMBEDDING_FILE, table.assign(x=0.5, y=-0.5, image="images/NA.png"))
    read = read_embedding(tmp_path)
    assert read is not None
    assert read["name"].tolist() == WORDS
    assert read["image"].tolist() == ["images/NA.png"] * len(WORDS)


def test_names_in_the_history_come_back_and_lacking_losses_stay_unknown(tmp_path: Path) -> None:
    one = pd.DataFrame({"method": "NA", "target": "null", "step": [0], "loss": [1.5]})
    other = pd.DataFrame(
        {"method": "vital", "target": "class/0/0", "step": [3], "loss": [2.0], "loss_tv": [0.25]}
    )
    write_history(tmp_path, [one, other])
    read = read_history(tmp_path)
    assert read["method"].tolist() == ["NA", "vital"]
    assert read["target"].tolist() == ["null", "class/0/0"]
    assert np.isnan(read["loss_tv"][0])
    assert read["loss_tv"][1] == 0.25


def test_a_damaged_history_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"history\.csv does not exist"):
        read_history(tmp_path)
    write_history(tmp_path, [pd.DataFrame({"method": ["a"], "step": [1], "loss": [1.0]})])
    with pytest.raises(ArtefactError, match=r"history\.csv has no column 'target'"):
        read_history(tmp_path)


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_history_that_ends_within_a_line_is_no_shorter_one(tmp_path: Path, cut: int) -> None:
    losses = pd.DataFrame({"method": "a", "target": "b", "step": [1, 2], "loss": [1.25, 2.125]})
    write_history(tmp_path, [losses])
    path = tmp_path / "history.csv"
    content = path.read_bytes()
    path.write_bytes(content[:-cut])
    with pytest.raises(ArtefactError, match=r"history\.csv is damaged: it ends within a line"):
        read_history(tmp_path)
