"""Two runs at once in one checkout: the second ends at once and says why."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pipeline.conftest import Checkout, environment

REPRO = (sys.executable, "-m", "vital.cli", "repro")
STAGE = (sys.executable, "-m", "stages.visualize", "--method", "vital")


@contextmanager
def _running(checkout: Checkout, command: tuple[str, ...], lock: str) -> Iterator[int]:
    """A process that runs ``command`` and holds ``lock``; stands still while others try."""
    process = subprocess.Popen(
        command, cwd=checkout.root, env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        _wait_for(checkout.root / ".vital" / "locks" / f"{lock}.json", process)
        process.send_signal(signal.SIGSTOP)
        yield process.pid
    finally:
        process.send_signal(signal.SIGCONT)
        process.wait()


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    while not path.exists():
        assert process.poll() is None, "it ended before the other could try"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("command", "lock"), [(REPRO, "repro"), (STAGE, "visualize@vital")], ids=["repro", "stage"]
)
def test_the_second_says_who_is_first(
    finished: Checkout, fresh: Checkout, command: tuple[str, ...], lock: str
) -> None:
    with _running(fresh, command, lock) as first:
        second = subprocess.run(
            command, cwd=fresh.root, env=environment(), capture_output=True, text=True, check=False
        )
    assert second.returncode == 1
    assert f"{lock} is already being run by process {first} on " in second.stderr
    assert "Traceback" not in second.stderr
    assert fresh.hashes("data/visualizations") == finished.hashes("data/visualizations")
