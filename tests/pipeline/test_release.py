"""What processes that have ended hold in DVC's lock file is released; what others hold is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dvc.lock import make_lock

from vital.pipeline.release import release

ME = {"pid": os.getpid(), "cmd": "dvc repro"}


def _access_file(folder: Path, *numbers: int) -> Path:
    """DVC's lock file, in which the first process writes and all of them read."""
    infos = [{"pid": number, "cmd": "dvc repro"} for number in numbers]
    path = folder / "rwlock"
    path.write_text(json.dumps({"write": {"/data": infos[0]}, "read": {"/other": infos}}))
    return path


@contextmanager
def _zombie() -> Iterator[int]:
    """A process that has ended and that nobody has waited for."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    yield process.pid
    process.wait()


def test_a_killed_process_that_nobody_waited_for_holds_nothing(tmp_path: Path) -> None:
    with _zombie() as ended:
        path = _access_file(tmp_path, ended, os.getpid())
        assert str(ended) in release(path)
    assert json.loads(path.read_bytes()) == {"write": {}, "read": {"/other": [ME]}}


def test_a_later_process_of_the_same_number_holds_nothing(tmp_path: Path) -> None:
    path = _access_file(tmp_path, os.getpid())
    os.utime(path, (0, 0))
    assert release(path)
    assert json.loads(path.read_bytes()) == {"write": {}, "read": {}}


def test_a_process_that_runs_keeps_what_it_holds(tmp_path: Path) -> None:
    path = _access_file(tmp_path, os.getpid())
    content = path.read_bytes()
    assert release(path) == ""
    assert path.read_bytes() == content


def test_a_file_that_dvc_is_at_is_left_to_it(tmp_path: Path) -> None:
    with _zombie() as ended, make_lock(f"{tmp_path / 'rwlock'}.lock", tmp_dir=str(tmp_path)):
        path = _access_file(tmp_path, ended)
        content = path.read_bytes()
        assert release(path) == ""
        assert path.read_bytes() == content


def test_there_may_be_no_file(tmp_path: Path) -> None:
    assert release(tmp_path / "rwlock") == ""
