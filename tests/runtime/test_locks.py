"""Two runs never write the same outputs."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vital.runtime.locks import HeldError, only_run

HOLDER = """
import sys, time
from pathlib import Path
from vital.runtime.locks import only_run
with only_run(Path(sys.argv[1]), "repro"):
    print("held", flush=True)
    time.sleep(60)
"""


@contextmanager
def _holder(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock ``repro``."""
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_the_second_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    with _holder(tmp_path) as holder:
        note = json.loads((tmp_path / "repro.json").read_text())
        with pytest.raises(HeldError) as caught, only_run(tmp_path, "repro"):
            pass
    message = str(caught.value)
    assert f"process {holder.pid} on {note['host']}" in message
    assert f"since {note['started']}" in message
    assert sys.executable in message


def test_other_outputs_can_be_written(tmp_path: Path) -> None:
    with _holder(tmp_path), only_run(tmp_path, "score"):
        pass


def test_a_killed_process_is_followed_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with _holder(tmp_path) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with caplog.at_level(logging.WARNING), only_run(tmp_path, "repro"):
            note = json.loads((tmp_path / "repro.json").read_text())
            assert note["pid"] == os.getpid()
    assert f"taking over from process {holder.pid} on" in caplog.text


def test_nothing_is_taken_over_after_an_orderly_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="failed"), only_run(tmp_path, "repro"):
            raise ValueError("failed")
    assert not caplog.text


def test_a_file_system_without_locks_is_said_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr("vital.runtime.locks.FileLock.acquire", refuse)
    with only_run(tmp_path, "repro"):
        pass
    assert "this file system has no locks" in caplog.text
