"""The command that draws checkpoints and modules: it runs, and tells good cases from faults."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

COMMAND = Path(__file__).parent / "networks.py"
SECONDS = 300.0
"""More than a dozen cases ever take: what counts is their number."""


@pytest.fixture(scope="module")
def command() -> dict[str, Any]:
    return runpy.run_path(str(COMMAND))


@pytest.fixture(autouse=True)
def _undisturbed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command silences logs, which other tests read."""
    monkeypatch.setattr("logging.disable", lambda _level: None)
    monkeypatch.setattr(torch, "set_num_threads", lambda _number: None)


def drawn(
    main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str], *options: object
) -> tuple[int, list[str], dict[str, Any]]:
    status = main([str(option) for option in ("--seconds", SECONDS, *options)])
    *faults, summary = capsys.readouterr().out.splitlines()
    return status, faults, json.loads(summary)


def test_a_dozen_checkpoints_hold(
    command: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--only", "checkpoints", "--cases", 12, "--seed", 3)
    status, faults, summary = drawn(command["main"], capsys, *options)
    assert (status, faults) == (0, [])
    assert summary["cases"] == 12
    assert len(summary["counts"]) > 5


def test_a_few_modules_hold(command: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    status, faults, summary = drawn(command["main"], capsys, "--only", "modules", "--cases", 4)
    assert (status, faults) == (0, [])
    assert summary["cases"] == 4


def test_a_loader_that_looks_away_is_found(
    command: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """As if nothing were loaded and nothing refused."""
    names = command["main"].__globals__
    loader = names["load_weights"]
    names["load_weights"] = lambda *_: None
    try:
        options = ("--only", "checkpoints", "--cases", 6, "--seed", 3)
        status, faults, summary = drawn(command["main"], capsys, *options)
    finally:
        names["load_weights"] = loader
    assert status == 1
    assert summary["faults"] == len(faults) == 6
    assert all("taken though bad" in line or "other weights" in line for line in faults)
