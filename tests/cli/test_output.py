"""What commands print for people, and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from helpers.circuits import UNITS, run_with_circuits
from helpers.finished_runs import write_run
from helpers.repository import ROOT
from vital.cli import app
from vital.cli.output import show_json, show_table


def test_rows_are_columns_with_a_note_or_objects_alone(capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.DataFrame({"unit": [7, 12], "name": ["tench", None], "loss": [0.5, float("nan")]})
    show_table(table, False, "the note", na_rep="-")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[:2]] == [["unit", "name", "loss"], ["7", "tench", "0.5"]]
    assert lines[-1] == "the note"
    show_table(table, True, "the note")
    assert json.loads(capsys.readouterr().out) == [
        {"unit": 7, "name": "tench", "loss": 0.5}, {"unit": 12, "name": None, "loss": None},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": np.float32(0.5), "b": np.int64(3), 1: True}, {"a": 0.5, "b": 3, "1": True}),
        ([float("inf"), float("nan"), None], [None, None, None]),
        (("tench", Path("x/y")), ["tench", "x/y"]),
        ({"deep": [{"er": np.float64("nan")}]}, {"deep": [{"er": None}]}),
    ],
)
def test_what_json_lacks_is_null_or_text(
    value: object, expected: object, capsys: pytest.CaptureFixture[str]
) -> None:
    show_json(value)
    assert json.loads(capsys.readouterr().out) == expected


def asked(*arguments: str) -> object:
    """What a command gives as JSON."""
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_taps_and_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    (last,) = [row for row in asked("taps", "timm/resnet10t") if row["tap"] == "layer4"]
    assert last == {"tap": "layer4", "channels": 512, "positions": 36, "weight": 1.0}
    monkeypatch.chdir(ROOT)
    assert "imagenette" in asked("profile", "list")


def test_doctor_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert done.exit_code == 1
    assert {"name": "params.yaml", "good": False} in [
        {"name": one["name"], "good": one["good"]} for one in json.loads(done.stdout)
    ]


def test_circuits_and_comparisons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_with_circuits(tmp_path / "circuits")
    monkeypatch.chdir(tmp_path / "circuits")
    found = asked("circuit", "1")
    expected = [f"{tap}/{channel}" for tap, channel in UNITS]
    assert [row["unit"] for row in found][: len(expected)] == expected
    assert found[0]["share"] == pytest.approx(0.25, abs=5e-4)
    for folder in ("first", "second"):
        write_run(tmp_path / folder, {"cat": [0.5, 0.5]}, {"probability": 0.5, "kid": None})
    monkeypatch.chdir(tmp_path)
    (row,) = [row for row in asked("compare", "first", "second") if row["metric"] == "kid"]
    assert (row["run"], row["against"], row["value"]) == ("second", "first", None)
