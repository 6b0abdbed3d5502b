"""Files that are whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import os
import platform
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vital.errors import ArtefactError, first_line

TEMPORARY_SUFFIX = ".partial"
_TEMPORARY = re.compile(rf"\..+\.([0-9a-f]{{8}})-(\d+)(?:-\d+)?{re.escape(TEMPORARY_SUFFIX)}")
_numbers = itertools.count()
_FOREIGN_DAYS = 7.0


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` to write to; rename it to ``path`` if all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        yield temporary
        _flush_to_disk(temporary)
        temporary.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # which write() itself does not know
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """As :func:`replacing`, for a whole folder: what stood at ``path`` gives way at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary(path: Path) -> Path:
    """A name beside ``path`` that tells which process of which machine writes there.

    No two are alike, as several threads of the process may write to the same path.
    """
    owner = f"{_machine()}-{os.getpid()}-{next(_numbers)}"
    return path.with_name(f".{path.name}.{owner}{TEMPORARY_SUFFIX}")


def _machine() -> str:
    """A short word for this machine, without dots."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _flush_to_disk(path: Path) -> None:
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path`` whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as readable JSON, keys in their order; NaN and infinity are refused."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file that another stage wrote.

    Raises ArtefactError when it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArtefactError(f"{path} does not exist: run the stage that writes it") from None
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"{path} is damaged: {first_line(error)}") from None


def digest_file(path: Path, algorithm: str = "sha256") -> str:
    """The hexadecimal digest of a file's bytes."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, algorithm).hexdigest()


def digest(content: Any) -> str:
    """The sha256 of any JSON-like content, independent of the order of keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def remove_stale(folder: Path) -> int:
    """Delete temporary files that a killed process left in ``folder``; return how many.

    Those of another machine that shares the folder go when nothing has touched them for a week.
    """
    stale = [path for path, owner in _temporaries(folder) if _is_stale(path, owner)]
    for path in stale:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(stale)


def _temporaries(folder: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    """The temporary files and folders below ``folder``, and who made them."""
    # Not rglob: it fails when another process removes a folder meanwhile.
    for parent, folders, files in os.walk(folder):
        matches = [_TEMPORARY.fullmatch(name) for name in (*folders, *files)]
        yield from ((Path(parent, match.string), match) for match in matches if match)
        folders[:] = [name for name in folders if not _TEMPORARY.fullmatch(name)]


def _is_stale(path: Path, owner: re.Match[str]) -> bool:
    machine, pid = owner.groups()
    if machine == _machine():
        return not process_lives(int(pid))
    try:
        return time.time() - path.stat().st_mtime > _FOREIGN_DAYS * 86400
    except FileNotFoundError:
        return False


def process_lives(pid: int) -> bool:
    """Whether a process with this number is running on this machine."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # no machine counts so far
        return False
    except PermissionError:
        return True
    return True


def holds(question: Callable[[], bool]) -> bool:
    """The answer of the file system, which is no of a name that is too long or leads in circles."""
    try:
        return question()
    except (OSError, ValueError):
        return False


def explain_os_error(error: OSError) -> str:
    """One line for a disk that is full, a folder that cannot be written, and the like."""
    place = "a file" if error.filename is None else os.fsdecode(error.filename)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"no space left to write {place}; what is finished is kept: free some and run again"
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{place} cannot be read or written ({os.strerror(error.errno)})"
    reason = error.strerror or first_line(error)
    return reason if error.filename is None else f"{place}: {reason}"
