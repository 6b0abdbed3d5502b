"""Who owns a run: a process, by a name that no other process ever has."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import psutil


def stage_owner() -> str:
    """The name of this process, which runs a stage."""
    return _name_process(psutil.Process())


def pipeline_owner() -> str:
    """The name of the DVC process that runs this one, or else of this one."""
    this = psutil.Process()
    return _name_process(next((process for process in this.parents() if _is_dvc(process)), this))


def owner_lives(owner: str) -> bool:
    """Whether the process of this name is running; another machine's is taken to be.

    So is whatever is no such name.
    """
    match = re.fullmatch(r"(.+):(\d{1,9}):(\d+\.\d+)", owner)
    if match is None or match[1] != socket.gethostname():
        return True
    pid, started = match[2], match[3]
    try:
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(started)) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is_dvc(process: psutil.Process) -> bool:
    try:
        # `dvc`, `python -m dvc` and `python .../dvc/__main__.py`, but not what lies in some `dvc/`.
        words = [Path(word) for word in process.cmdline()]
        return any(word.name == "dvc" or word.match("dvc/__main__.py") for word in words)
    except psutil.Error:
        return False


def _name_process(process: psutil.Process) -> str:
    """A name that no other process has, not even one that gets the same number later."""
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.2f}"
