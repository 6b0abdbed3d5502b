"""The file of parameters, and how a block of it is checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.params import complaint
from helpers.repository import ROOT
from vital.errors import ParamsError
from vital.params.base import read_block, read_params
from vital.params.explain import without_lengths
from vital.params.visualize import VisualizeParams


def test_a_misspelt_key_names_the_nearest() -> None:
    block = {"steps": 10, "lr": 0.1, "stepz": 1}
    message = complaint(block, "visualize", VisualizeParams)
    assert "unknown parameter visualize.stepz; did you mean 'steps'" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("visualise: {}", "unknown block 'visualise'; did you mean 'visualize'"),
        ("seed: 0", "block 'data' is missing"),
        ("seed: [1", "not valid YAML"),
        ("seed: 0\nseed: 1", "not valid YAML"),
        ("- 1", "must hold blocks"),
    ],
)
def test_a_bad_file_is_explained(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match=expected):
        read_params(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="does not exist"):
        read_params(tmp_path / "params.yaml")


def test_short_scientific_notation_is_a_number(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("tv: 3.0e-3", "tv: 3e-4")
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    assert read_block(read_params(path), "visualize", VisualizeParams).tv == 3e-4


def test_of_long_values_the_beginning_is_shown() -> None:
    long = "x" * 500
    assert without_lengths(f"holds {long!r}, twice") == f"holds '{'x' * 80}...', twice"
    assert without_lengths("holds 'short'") == "holds 'short'"
