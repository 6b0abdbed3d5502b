"""The program that changes parameters at random works, and a few seconds of it find nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).with_name("params.py")


def _run(*options: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, str(PROGRAM), *options]
    return subprocess.run(line, check=False, capture_output=True, text=True)


def test_some_cases_are_refused_and_some_effective_and_none_is_else() -> None:
    done = _run("--seconds", "6", "--seed", "0", "--without-images")
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts["bad"] == 0
    assert counts["params: refused"] > 0
    assert counts["cases"] == counts["params: refused"] + counts.get("params: effective", 0)


def test_a_case_can_be_run_again() -> None:
    first, second = (_run("--only", "params/0/3").stdout for _ in range(2))
    assert first == second
    assert first.startswith(("params/0/3: refused", "params/0/3: effective"))
