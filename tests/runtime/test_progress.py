"""Progress where there is no terminal."""

from __future__ import annotations

import io
import logging
import sys
from types import ModuleType

import pytest

from vital.runtime import progress
from vital.runtime.progress import progress_bar


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that bars read, in one place."""
    now = [1000.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    return now


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.name == progress.__name__]


def test_a_log_has_a_line_every_so_many_seconds(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with progress_bar(total=100, label="tench", unit="steps") as bar:
        for _ in range(100):
            clock[0] += 1
            bar.set_postfix_str("loss 0.5", refresh=False)
            bar.update(1)
    said = lines(caplog)
    assert said[0] == "tench: 30 of 100 steps, 00:30 passed, 01:10 to go, loss 0.5"
    done = [int(line.split()[1]) for line in said]
    assert done == [30, 60, 90]


def test_what_is_done_at_once_says_nothing(
    clock: list[float], caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    assert list(progress_bar([1, 2, 3], total=3, label="images", unit="images")) == [1, 2, 3]
    assert lines(caplog) == []
    assert capsys.readouterr() == ("", "")


def test_bars_within_bars_move_no_cursor(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in progress_bar([1, 2], label="outer", unit="units"):
        for _ in progress_bar([1, 2], label="inner", unit="steps"):
            clock[0] += 40
    said = lines(caplog)
    assert all(line.isprintable() for line in said)
    assert {line.partition(":")[0] for line in said} == {"outer", "inner"}
    assert said[0] == "inner: 1 of 2 steps, 00:40 passed, 00:40 to go"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("place", ["terminal", "notebook"])
def test_a_terminal_and_a_notebook_have_a_bar(
    place: str, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Terminal() if place == "terminal" else io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    if place == "notebook":
        monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    with progress_bar(total=2, label="tench", unit="steps") as bar:
        clock[0] += 1
        bar.update(1)
    assert "tench:  50%" in shown.getvalue()
