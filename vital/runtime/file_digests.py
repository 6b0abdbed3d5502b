"""Digests of files and folders outside the project, each file read again only if it changed."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from vital.errors import ArtefactError
from vital.runtime.files import digest_file, holds, read_json, write_text
from vital.runtime.folder_walk import FolderWalk
from vital.runtime.progress import progress_bar

log = logging.getLogger(__name__)

_UNSURE_SECONDS = 2.0
"""A file that changed so recently may change again without its time showing it."""

_SAID_FROM = 100 * 2**20
"""Bytes to read from which on it is said that this takes a while."""


@dataclass(frozen=True)
class Digest:
    """The sha256 of files, and the names of those that are not what they were before."""

    sha256: str
    changed: tuple[str, ...]


class _Seen(NamedTuple):
    """A file by its name in what is digested, its path, and what tells that it changed."""

    name: str
    path: str
    mark: list[int]
    size: int


class FileDigests:
    """Digests by content; ``memo`` is a file that keeps what was read, on this machine alone.

    Size, times and inode only decide whether a file is read again: they are in no digest.
    """

    def __init__(self, memo: Path) -> None:
        self._memo = memo
        self._kept: dict[str, list[Any]] = _load(memo)
        self._known = dict(self._kept)
        self._used: dict[str, list[Any]] = {}

    def digest(self, paths: Iterable[tuple[str, Path]]) -> Digest | None:
        """The digest of files and folders, each under a name.

        Folders are read with all that lies below them, links followed, each folder once; what is
        no regular file is passed over. None where one of them is not there.
        """
        seen: list[_Seen] = []
        for name, path in paths:
            found = list(_walk(name, path))
            if not found and not holds(path.is_dir):
                return None
            seen += found
        before = {file.name: self._known[file.path][1] for file in seen if file.path in self._known}
        digests = self._digest_all(sorted(seen, key=lambda file: file.name))
        total = hashlib.sha256()
        for name, sha256 in digests.items():
            total.update(f"{name}\0{sha256}\n".encode("utf-8", "surrogateescape"))
        changed = (name for name, sha256 in digests.items() if before.get(name, sha256) != sha256)
        return Digest(total.hexdigest(), tuple(changed))

    def save(self) -> None:
        """Keep what is known of the files that were asked for, if it is not what is kept."""
        if self._used != self._kept:
            write_text(self._memo, json.dumps(self._used))
            self._kept = dict(self._used)

    def _digest_all(self, files: list[_Seen]) -> dict[str, str]:
        new = [file for file in files if self._known.get(file.path, [None])[0] != file.mark]
        self._used.update(
            {file.path: self._known[file.path] for file in files if file.path in self._known}
        )
        size = sum(file.size for file in new)
        if size > _SAID_FROM:
            log.info("reading %d files (%.1f GiB) to know them", len(new), size / 2**30)
        try:
            with (
                ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 1)) as pool,
                progress_bar(total=len(new), label="inputs", unit="files") as bar,
            ):
                for file, sha256 in zip(new, pool.map(_read, new), strict=True):
                    self._used[file.path] = [file.mark if _is_sure(file) else None, sha256]
                    bar.update()
        finally:
            self._known.update(self._used)
        return {file.name: str(self._used[file.path][1]) for file in files}


@contextmanager
def remembered_digests(memo: Path) -> Iterator[FileDigests]:
    """Digests that are kept in ``memo``, those of a run that is stopped, too."""
    digests = FileDigests(memo)
    try:
        yield digests
    finally:
        digests.save()


def _read(file: _Seen) -> str:
    return digest_file(Path(file.path))


def _is_sure(file: _Seen) -> bool:
    return time.time() - file.mark[1] / 1e9 > _UNSURE_SECONDS


def _load(memo: Path) -> dict[str, list[Any]]:
    """What is kept; nothing where the file is not there or damaged."""
    try:
        known = read_json(memo)
    except (ArtefactError, OSError):
        return {}
    good = isinstance(known, dict) and all(
        isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], str)
        for entry in known.values()
    )
    return known if good else {}


def _walk(name: str, path: Path) -> Iterator[_Seen]:
    """The regular files at or below a path, in any order."""
    try:
        status = path.stat()
    except (OSError, ValueError):  # not there, or no name of a file
        return
    root = os.fspath(path.absolute())
    if stat.S_ISREG(status.st_mode):
        yield _seen(name, root, status)
    elif stat.S_ISDIR(status.st_mode):
        # What cannot be read is told by whoever needs it.
        for _, entries in FolderWalk(Path(root)):
            for entry in entries:
                try:
                    status = entry.stat()
                except OSError:
                    continue  # a link to nothing
                if stat.S_ISREG(status.st_mode):
                    yield _seen(name + entry.path[len(root) :], entry.path, status)


def _seen(name: str, path: str, status: os.stat_result) -> _Seen:
    mark = [status.st_size, status.st_mtime_ns, status.st_ino]
    return _Seen(name, path, mark, status.st_size)
