"""One run at a time writes the same outputs; the others are told who does.

The lock is the operating system's, so it ends with the process that holds it, however that ends.
Beside it lies a note of who holds it; a note that is still there when the lock is free was left by
a process that was killed.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from vital.errors import VitalError
from vital.runtime.files import write_json

log = logging.getLogger(__name__)


class HeldError(VitalError):
    """Another process writes the same outputs."""


@contextmanager
def only_run(folder: Path, name: str, what: str = "") -> Iterator[None]:
    """Hold the lock ``name``, a file in ``folder``, while the block runs.

    Messages call it ``what``, if that is given. Raises HeldError, which names process, machine,
    time and command, when another process, or another thread of this one, has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    note, title = folder / f"{name}.json", what or name
    lock = FileLock(folder / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise HeldError(
            f"{title} is already being run by {_read_owner(note)}: wait for its end, or stop it"
        ) from None
    except NotImplementedError:
        log.warning("%s: this file system has no locks; nothing keeps a second run away", folder)
    try:
        if note.exists():
            log.warning("%s: taking over from %s, which was killed", title, _read_owner(note))
        _write_owner(note)
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def _write_owner(note: Path) -> None:
    write_json(
        note,
        {
            "pid": os.getpid(),
            "host": platform.node(),
            "started": datetime.now().astimezone().isoformat(sep=" ", timespec="seconds"),
            "command": shlex.join(sys.orig_argv),
        },
    )


def _read_owner(note: Path) -> str:
    """Who holds a lock, in words, as far as its note tells."""
    try:
        owner = json.loads(note.read_text(encoding="utf-8"))
        return (
            f"process {owner['pid']} on {owner['host']} since {owner['started']} "
            f"({owner['command']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "a process that left no note"  # it has only just begun, or is just ending
