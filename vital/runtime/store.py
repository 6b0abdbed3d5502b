"""What is expensive to compute, kept in files that are named by all that determines them.

DVC empties a stage's outputs before it runs; what is expensive is therefore kept here and found
again by its key, whatever else has changed. Images are kept by :mod:`vital.engine.target_store`,
what other stages have finished by :mod:`vital.runtime.partial_results`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch

from vital.runtime.files import digest_file, read_json, remove_stale, write_json
from vital.runtime.tensors import read_tensors, write_tensors

_SUFFIX = ".safetensors"

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

    def read(self, key: str, kind: str) -> tuple[dict[str, torch.Tensor], dict[str, str]] | None:
        """The tensors and the metadata of an entry, or None where it is absent or damaged.

        What is read counts as used now.
        """
        return read_tensors(self.path(key, kind))

    def write(
        self,
        key: str,
        kind: str,
        tensors: Mapping[str, torch.Tensor],
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Keep tensors, from any device, in place of what the entry was."""
        kept = {name: value.cpu().contiguous() for name, value in tensors.items()}
        write_tensors(self.path(key, kind), kept, metadata)

    def remove(self, key: str, kind: str) -> None:
        """Delete an entry, if there is one."""
        self.path(key, kind).unlink(missing_ok=True)

    def note_use(self, artefact: Path, keys: Iterable[str]) -> None:
        """Note that a file was assembled from the entries of these keys.

        The file is known by its content: the note holds wherever it is copied or restored to, and
        beside what was noted of the same content before.
        """
        write_json(self._note(artefact), sorted({*keys, *self.used_by(artefact)}))

    def used_by(self, artefact: Path) -> set[str]:
        """The keys that :meth:`note_use` noted of a file; none where it noted nothing."""
        note = self._note(artefact)
        return set(read_json(note)) if note.is_file() else set()

    def _note(self, artefact: Path) -> Path:
        return self._folder / _USES / f"{digest_file(artefact)}.json"

    def prune(self, keep: Iterable[str], older_than_days: float) -> tuple[int, int]:
        """Delete entries not in ``keep`` and unused for so long; returns (files, bytes)."""
        kept, limit = set(keep), time.time() - older_than_days * 86400
        files = freed = 0
        for path in sorted(self._folder.glob(f"*/*{_SUFFIX}")):
            status = path.stat()
            if path.name.partition(".")[0] not in kept and status.st_mtime <= limit:
                path.unlink()
                files, freed = files + 1, freed + status.st_size
        return files, freed
