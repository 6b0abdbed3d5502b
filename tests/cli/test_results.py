"""The commands circuit and compare."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from helpers.circuits import UNITS, run_with_circuits
from helpers.finished_runs import write_run
from vital.artefacts.project import Project
from vital.cli import app
from vital.errors import ArtefactError, ParamsError
from vital.runtime.table_files import write_parquet


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    return run_with_circuits(tmp_path)


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["circuit", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


@pytest.mark.parametrize("wanted", ["1", "<i>café</i>"])
def test_the_command_writes_the_figure_and_prints_the_table(here: Project, wanted: str) -> None:
    lines = [line.split() for line in run(wanted).splitlines()]
    assert lines[0] == ["rank", "unit", "share"]
    assert [line[:2] for line in lines[1:4]] == [
        [str(rank), f"{tap}/{channel}"] for rank, (tap, channel) in enumerate(UNITS, start=1)
    ]
    assert " ".join(lines[1]).endswith("25.0 %")
    with Image.open(here.root / "circuit-1.png") as image:
        assert image.format == "PNG" and image.width == 1800


def test_the_figure_goes_where_it_is_asked_for(here: Project) -> None:
    assert "deep/er/picture.png" in run("0", "--out", "deep/er/picture.png")
    assert (here.root / "deep" / "er" / "picture.png").is_file()
    assert not (here.root / "circuit-0.png").exists()


def test_a_class_without_a_circuit_is_an_error(here: Project) -> None:
    with pytest.raises(ParamsError, match=r"'7' has no circuit.*'brick wall' \(0\)"):
        run("7")


def test_a_table_that_leads_outside_is_refused(here: Project) -> None:
    path = here.references / "patches.parquet"
    write_parquet(path, pd.read_parquet(path).assign(patch="../units/units.parquet"))
    with pytest.raises(ArtefactError, match="outside"):
        run("0")


def test_the_command_prints_the_table_and_writes_the_grid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("first", "second"):
        write_run(tmp_path / folder, {"cat": [0.5, 0.5]}, {"probability": 0.5, "kid": None})
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["compare", "first", "second", "--out", "grid.png"])
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == [
        "method", "metric", "run", "against", "value", "reference", "difference", "low", "high",
        "n_classes",
    ]  # fmt: skip
    assert ["vital", "kid", "second", "first", *"-----", "0"] in rows
    with Image.open("grid.png") as image:
        assert image.format == "PNG"
