"""Finished targets and checkpoints, named by a hash of all that determines them.

DVC empties a stage's outputs before it runs; what is expensive is therefore kept here and found
again by its key, whatever else has changed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from vital.engine.optimize import TargetState
from vital.runtime.files import remove_stale
from vital.runtime.tensors import read_tensors, write_tensors

_CHECKPOINT = ".checkpoint.safetensors"
_FINISHED = ".finished.safetensors"
_TENSORS = ".tensors.safetensors"


class WorkStore:
    """A folder of entries; each is written whole and can be read by any later run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        remove_stale(folder)

    @property
    def folder(self) -> Path:
        """Where the entries lie."""
        return self._folder

    def load(self, key: str) -> tuple[TargetState, dict[str, Any]] | None:
        """A finished target and its record, or None."""
        return self._read(self._path(key, _FINISHED))

    def save(self, key: str, state: TargetState, record: dict[str, Any]) -> None:
        """Keep a finished target; its checkpoint is no longer needed."""
        self._write(self._path(key, _FINISHED), state, record)
        self._path(key, _CHECKPOINT).unlink(missing_ok=True)

    def load_checkpoint(self, key: str) -> TargetState | None:
        """The last saved state of an unfinished target, or None."""
        entry = self._read(self._path(key, _CHECKPOINT))
        return entry[0] if entry else None

    def save_checkpoint(self, key: str, state: TargetState) -> None:
        """Keep an unfinished target's state."""
        self._write(self._path(key, _CHECKPOINT), state, {})

    def load_tensors(self, key: str) -> dict[str, torch.Tensor] | None:
        """What :meth:`save_tensors` kept, or None."""
        entry = read_tensors(self._path(key, _TENSORS))
        return None if entry is None else entry[0]

    def save_tensors(self, key: str, tensors: Mapping[str, torch.Tensor]) -> None:
        """Keep what targets have in common and is expensive to measure."""
        write_tensors(self._path(key, _TENSORS), tensors)

    def prune(self, keep: Iterable[str], older_than_days: float) -> tuple[int, int]:
        """Delete entries not in ``keep`` and unused for so long; returns (files, bytes)."""
        kept, limit = set(keep), time.time() - older_than_days * 86400
        files = freed = 0
        for path in sorted(self._folder.glob("*/*.safetensors")):
            status = path.stat()
            if path.name.partition(".")[0] not in kept and status.st_mtime <= limit:
                path.unlink()
                files, freed = files + 1, freed + status.st_size
        return files, freed

    def _path(self, key: str, suffix: str) -> Path:
        return self._folder / key[:2] / (key + suffix)

    def _write(self, path: Path, state: TargetState, record: dict[str, Any]) -> None:
        tensors = {
            "latent": state.latent.contiguous(),
            "first": state.first.contiguous(),
            "second": state.second.contiguous(),
            "sensitivity": state.sensitivity.contiguous(),
            "history": torch.tensor(state.history, dtype=torch.float64),
        }
        # The record's order is that of the index's columns: it has to come back as it was.
        metadata = {"step": str(state.step), "record": json.dumps(record)}
        write_tensors(path, tensors, metadata)

    def _read(self, path: Path) -> tuple[TargetState, dict[str, Any]] | None:
        entry = read_tensors(path)
        if entry is None:
            return None
        tensors, metadata = entry
        history = tuple(tuple(row) for row in tensors.pop("history").tolist())
        state = TargetState(step=int(metadata["step"]), history=history, **tensors)
        return state, json.loads(metadata["record"])
