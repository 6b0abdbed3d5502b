"""Release of what processes that have ended still hold in DVC's lock file.

DVC itself passes over a process that is gone. One that was killed and that nobody waited for is
not gone, as in containers whose first process waits for none; nor is a later process of the same
number. DVC would call both busy, and ask for the file to be deleted by hand.
"""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import psutil

from vital.runtime.files import write_bytes

_CLOCKS_AGREE_SECONDS = 1.0
"""Within which the clocks of processes and of files agree."""

Holders = dict[str, Any]
"""DVC's lock file: ``write`` maps paths to processes, ``read`` maps paths to lists of them."""


def release(path: Path) -> str:
    """Take ended processes out of DVC's lock file, which is whole; returns what was done."""
    if not path.is_file():
        return ""
    from dvc.lock import LockError, make_lock  # here: it takes a second to load

    try:
        with make_lock(f"{path}.lock", tmp_dir=str(path.parent)):
            ended = _release(path)
    except LockError:
        return ""  # another DVC is at it, and says itself what is busy
    if not ended:
        return ""
    numbers = ", ".join(map(str, sorted(ended)))
    return f"DVC's lock file: released what killed processes held ({numbers})"


def _release(path: Path) -> set[int]:
    """The ended processes, which the file no longer names."""
    written = path.stat().st_mtime
    held: Holders = {"write": {}, "read": {}} | json.loads(path.read_bytes())
    processes = chain(held["write"].values(), *held["read"].values())
    numbers = {int(process["pid"]) for process in processes}
    ended = {number for number in numbers if _has_ended(number, written)}
    if ended:
        write_bytes(path, json.dumps(_without(held, ended)).encode())
    return ended


def _has_ended(number: int, written: float) -> bool:
    """Whether the process that had this number when the file was written, in seconds, is no more.

    It is not said of a number that no process has: DVC sees that itself.
    """
    try:
        process = psutil.Process(number)
        reused = process.create_time() > written + _CLOCKS_AGREE_SECONDS
        return reused or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _without(held: Holders, ended: set[int]) -> Holders:
    write = {path: by for path, by in held["write"].items() if by["pid"] not in ended}
    read = {
        path: [by for by in all_ if by["pid"] not in ended] for path, all_ in held["read"].items()
    }
    return {"write": write, "read": {path: by for path, by in read.items() if by}}
