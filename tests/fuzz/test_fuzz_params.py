"""The program that changes parameters at random works, and a few cases of it find nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.fuzzed_params import compare, unclear

PROGRAM = Path(__file__).with_name("params.py")


def _run(*options: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(PROGRAM), *options]
    return subprocess.run(line, check=False, capture_output=True, text=True)


def test_some_cases_are_refused_and_some_effective_and_none_is_else() -> None:
    done = _run("--cases", "40", "--seconds", "300", "--seed", "0", "--without-images")
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts["params: refused"] > 0
    assert counts["params: effective"] > 0
    assert counts == {
        "cases": 40, "bad": 0,
        "params: refused": counts["params: refused"],
        "params: effective": 40 - counts["params: refused"],
    }  # fmt: skip


def test_a_case_can_be_run_again() -> None:
    first, second = (_run("--only", "params/0/3").stdout for _ in range(2))
    assert first.splitlines()[-1] == second.splitlines()[-1]
    assert first.startswith(("params/0/3: refused", "params/0/3: effective"))


@pytest.mark.parametrize(
    ("written", "parsed"),
    [("1", 1), (True, 1), (1.0, 1), ([1], (1, 2)), ({"a": 1}, {}), (None, 3), ([1, 1], (1,))],
)
def test_what_was_turned_into_something_else_is_seen(written: object, parsed: object) -> None:
    assert list(compare(written, parsed, "x.y"))
    assert not list(compare([1, "a", None], (1.0, "a", None), "x.y"))


@pytest.mark.parametrize(
    "message", ["", "a\x00b", "x" * 501, "Input should be", "visualize.steps:", "something else"]
)
def test_an_unclear_message_is_seen(message: str) -> None:
    assert unclear(message, "visualize.steps")
    assert not unclear("visualize.steps: 0 cannot be used", "visualize.steps")
