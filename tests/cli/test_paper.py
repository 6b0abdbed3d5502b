"""The commands paper tables and paper figures."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from helpers.finished_runs import drawable_run, scored_runs
from vital.cli import app


def test_the_command_writes_every_table_in_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored_runs(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["paper", "tables", "a", "b", "--out", "out"])
    assert done.exit_code == 0, done.output
    files = {f"out/{name}{kind}" for name in ("results", "metrics") for kind in
             (".csv", ".tex", ".html")}  # fmt: skip
    assert set(done.stdout.split()) == files
    rows = list(csv.DictReader(Path("out/metrics.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["run"], row["method"], row["accuracy_top1"]) for row in rows] == [
        ("a", "vital", "0.5"), ("a", "real", "-"), ("b", "vital", "1"),
    ]  # fmt: skip


def test_the_figures_command_writes_a_folder_per_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawable_run(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["paper", "figures", "run", "--classes", "cat"])
    assert done.exit_code == 0, done.output
    names = ["classes", "units", "circuit-0", "embedding"]
    assert done.stdout.split() == [f"paper/run/{name}.png" for name in names]
    assert all(Path(line).is_file() for line in done.stdout.split())
