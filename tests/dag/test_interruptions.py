"""Runs that are killed lose nothing, and two at once are kept apart."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from helpers.checkout import Checkout, environment
from helpers.messages import refusal

pytestmark = pytest.mark.slow
"""Each runs the pipeline several times; what locks and signals do is tested quickly elsewhere."""

REPRO = (sys.executable, "-m", "vital.cli", "repro")
STAGE = (sys.executable, "-m", "stages.visualize", "--method", "vital")
EVERYTHING = (".vital", ".dvc/cache", ".dvc/tmp", "data")
LAST_STAGES = (*EVERYTHING[:-1], "data/visualizations", "data/scores", "data/report")


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
    message = refusal(second, "vital" if command == REPRO else "visualize")
    assert f"{lock} is already being run by process {first} on " in message
    assert fresh.files("data/visualizations") == finished.files("data/visualizations")


@pytest.mark.parametrize(
    ("command", "number"), [(REPRO, signal.SIGTERM), (STAGE, signal.SIGINT)], ids=["repro", "stage"]
)
def test_a_signal_is_obeyed_after_the_step_and_nothing_is_lost(
    finished: Checkout, fresh: Checkout, command: tuple[str, ...], number: signal.Signals
) -> None:
    """Of ``vital repro`` only the outermost process gets the signal, and passes it on."""
    fresh.run("git", "clean", "-xfdq", *LAST_STAGES)
    process = subprocess.Popen(
        command, cwd=fresh.root, env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, text=True,
    )  # fmt: skip
    while not list((fresh.root / ".vital" / "work").glob("*/*.checkpoint.safetensors")):
        assert process.poll() is None, "it ended before a step was saved"
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == 128 + number
    assert f"visualize: interrupted by {number.name}: stopped after step" in errors
    assert "run again to go on" in errors
    assert "Traceback" not in errors
    fresh.run(*REPRO)
    _assert_same_results(fresh, finished)


@pytest.mark.parametrize(
    ("kills", "made_anew"),
    [
        pytest.param(3, LAST_STAGES, id="quick"),
        pytest.param(30, EVERYTHING, id="all", marks=pytest.mark.timeout(7200)),
    ],
)
def test_killed_at_random_moments_it_ends_in_the_same_bytes(
    finished: Checkout, fresh: Checkout, kills: int, made_anew: tuple[str, ...]
) -> None:
    """Should a run end before it is killed, it is compared and the next begins from nothing."""
    moments = random.Random(0)
    longest = _seconds(finished, made_anew)
    fresh.run("git", "clean", "-xfdq", *made_anew)
    while kills:
        if _killed(fresh, moments.uniform(0, longest)):
            kills -= 1
        else:
            _assert_same_results(fresh, finished)
            fresh.run("git", "clean", "-xfdq", *made_anew)
    fresh.run(*REPRO)
    _assert_same_results(fresh, finished)
    assert fresh.stages_run(*REPRO) == ["inputs"]


def _seconds(finished: Checkout, made_anew: tuple[str, ...]) -> float:
    """How long the stages took that write into these folders."""
    timings = finished.files("data/timings").items()
    stages = ("visualize", "score", "report") if made_anew == LAST_STAGES else ("",)
    return sum(json.loads(text)["seconds"] for name, text in timings if name.startswith(stages))


def _killed(checkout: Checkout, after: float) -> bool:
    """Run everything and kill all its processes after these seconds; False if it ended before."""
    process = subprocess.Popen(
        REPRO, cwd=checkout.root, env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, text=True,
    )  # fmt: skip
    try:
        _, errors = process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    assert process.returncode == 0, errors
    return False


def _assert_same_results(checkout: Checkout, finished: Checkout) -> None:
    found, wanted = checkout.results(), finished.results()
    assert found.keys() == wanted.keys()
    assert [name for name in wanted if found[name] != wanted[name]] == []


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_truncated_files_are_repaired_and_nothing_runs_anew(
    finished: Checkout, fresh: Checkout, share: float
) -> None:
    content = fresh.read("dvc.lock")
    (fresh.root / "dvc.lock").write_bytes(content[: int(share * len(content))].rstrip())
    (fresh.root / ".dvc" / "tmp" / "rwlock").write_text('{"write": {"/a')
    done = fresh.run(*REPRO)
    assert "dvc.lock is damaged" in done.stderr
    assert "DVC's lock file is damaged" in done.stderr
    assert done.stdout.count("Running stage") == done.stdout.count("Running stage 'inputs'")
    assert fresh.read("dvc.lock") == content
    _assert_same_results(fresh, finished)
