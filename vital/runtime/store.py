"""What is expensive to compute, kept in files that are named by all that determines them.

DVC empties a stage's outputs before it runs; what is expensive is therefore kept here and found
again by its key, whatever else has changed. Images are kept by :mod:`vital.engine.target_store`,
what other stages have finished by :mod:`vital.runtime.partial_results`.

Disks and people damage files. An entry therefore carries a checksum of all that it holds and of
its own name; one that does not agree with it is dropped, and made again as if it had never been.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import torch

from vital.errors import ArtefactError
from vital.runtime.files import digest, digest_file, read_json, remove_stale, write_json
from vital.runtime.tensors import Tensors, Words, checksum, read_tensors, write_tensors

log = logging.getLogger(__name__)

Made = TypeVar("Made")

_SUFFIX = ".safetensors"

_CHECKSUM = "sha256"
"""In an entry's metadata: the checksum of the rest of it and of its key and kind."""

_USES = "uses"
"""The folder of notes on which entries an artefact was assembled from."""


class WorkStore:
    """A folder of entries; each is written whole and can be read by any later run.

    An entry is tensors and a few words about them. Its ``key`` is a hash of all that determines
    it, its ``kind`` says what it is: the same key may have entries of several kinds.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale(folder)

    @property
    def folder(self) -> Path:
        """Where the entries lie."""
        return self._folder

    def path(self, key: str, kind: str) -> Path:
        """Where an entry lies, if there is one."""
        return self._folder / key[:2] / f"{key}.{kind}{_SUFFIX}"

    def read(self, key: str, kind: str) -> tuple[Tensors, Words] | None:
        """The tensors and the words of an entry, or None where it is absent or damaged.

        What is read counts as used now; what is damaged is dropped with a warning.
        """
        return self.read_as(key, kind, lambda tensors, words: (tensors, words))

    def read_as(self, key: str, kind: str, decode: Callable[[Tensors, Words], Made]) -> Made | None:
        """As :meth:`read`, what ``decode`` makes of an entry.

        An entry counts as damaged, too, when ``decode`` raises a LookupError, TypeError or
        ValueError: it lacks something, or holds something else.
        """
        path = self.path(key, kind)
        try:
            made = decode(*_verified(path, key, kind))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except ArtefactError as error:
            _drop_damaged(path, str(error))
            return None
        except (LookupError, TypeError, ValueError):
            _drop_damaged(path, "it does not hold what it should")
            return None
        with suppress(OSError):  # a store that is only read is one, too
            path.touch()
        return made

    def write(
        self,
        key: str,
        kind: str,
        tensors: Mapping[str, torch.Tensor],
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Keep tensors, from any device, in place of what the entry was."""
        kept = {name: value.cpu().contiguous() for name, value in tensors.items()}
        words = dict(metadata or {})
        path = self.path(key, kind)
        _make_room(path)
        write_tensors(path, kept, {**words, _CHECKSUM: _checksum(key, kind, kept, words)})

    def remove(self, key: str, kind: str) -> None:
        """Delete an entry, if there is one."""
        _remove(self.path(key, kind))

    def note_use(self, artefact: Path, keys: Iterable[str]) -> None:
        """Note that a file was assembled from the entries of these keys.

        The file is known by its content: the note holds wherever it is copied or restored to, and
        beside what was noted of the same content before. A damaged note gives way.
        """
        note = self._note(artefact)
        try:
            before = self.used_by(artefact)
        except ArtefactError as error:
            log.warning("%s; it is written anew", error)
            before = set()
        _make_room(note)
        write_json(note, sorted({*keys, *before}))

    def used_by(self, artefact: Path) -> set[str]:
        """The keys that :meth:`note_use` noted of a file; none where it noted nothing.

        Raises ArtefactError where the note is damaged.
        """
        note = self._note(artefact)
        if not os.path.lexists(note):
            return set()
        try:
            keys = read_json(note)
        except (ArtefactError, OSError):
            keys = None
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise ArtefactError(f"{note}, the note of what {artefact} uses, is damaged")
        return set(keys)

    def _note(self, artefact: Path) -> Path:
        return self._folder / _USES / f"{digest_file(artefact)}.json"

    def prune(self, keep: Iterable[str], older_than_days: float) -> tuple[int, int]:
        """Delete entries not in ``keep`` and unused for so long; returns (files, bytes)."""
        kept, limit = set(keep), time.time() - older_than_days * 86400
        files = freed = 0
        for path in sorted(self._folder.glob(f"*/*{_SUFFIX}")):
            status = path.lstat()
            if path.name.partition(".")[0] not in kept and status.st_mtime <= limit:
                _remove(path)
                files, freed = files + 1, freed + status.st_size
        return files, freed


def _verified(path: Path, key: str, kind: str) -> tuple[Tensors, Words]:
    """What an entry holds; raises ArtefactError where it is not what was written there."""
    tensors, words = read_tensors(path)
    written = words.pop(_CHECKSUM, None)
    if written is None:
        raise ArtefactError("it has no checksum")
    if written != _checksum(key, kind, tensors, words):
        raise ArtefactError("its checksum is that of another content")
    return tensors, words


def _checksum(key: str, kind: str, tensors: Tensors, words: Words) -> str:
    """It covers the name, too: an entry that stands in for another is damaged."""
    return digest([f"{key}.{kind}", checksum(tensors, words)])


def _drop_damaged(path: Path, reason: str) -> None:
    log.warning("%s is damaged (%s): it is dropped and made again", path, reason)
    with suppress(OSError):  # then the new entry replaces it, or that says what is wrong
        _remove(path)


def _make_room(path: Path) -> None:
    """Remove what is in the place of a file or of its folder and is of the other kind."""
    if os.path.lexists(path.parent) and not path.parent.is_dir():
        path.parent.unlink()
    if path.is_dir():
        _remove(path)


def _remove(path: Path) -> None:
    """Delete whatever has this name, if anything has."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
