"""Finished targets and checkpoints in the work store."""

from __future__ import annotations

import json
from typing import Any

import torch

from vital.engine.optimize import TargetState
from vital.runtime.store import WorkStore
from vital.runtime.tensors import Tensors, Words

_CHECKPOINT = "checkpoint"
_FINISHED = "finished"


class TargetStore:
    """The targets that a work store keeps, by the hash of all that determines each."""

    def __init__(self, store: WorkStore) -> None:
        self._store = store

    def load(self, key: str) -> tuple[TargetState, dict[str, Any]] | None:
        """A finished target and its record, or None."""
        return self._read(key, _FINISHED)

    def save(self, key: str, state: TargetState, record: dict[str, Any]) -> None:
        """Keep a finished target; its checkpoint is no longer needed."""
        self._write(key, _FINISHED, state, record)
        self._store.remove(key, _CHECKPOINT)

    def load_checkpoint(self, key: str) -> TargetState | None:
        """The last saved state of an unfinished target, or None."""
        entry = self._read(key, _CHECKPOINT)
        return entry[0] if entry else None

    def save_checkpoint(self, key: str, state: TargetState) -> None:
        """Keep an unfinished target's state."""
        self._write(key, _CHECKPOINT, state, {})

    def _write(self, key: str, kind: str, state: TargetState, record: dict[str, Any]) -> None:
        tensors = {
            "latent": state.latent,
            "first": state.first,
            "second": state.second,
            "sensitivity": state.sensitivity,
            "history": torch.tensor(state.history, dtype=torch.float64),
        }
        # The record's order is that of the index's columns: it has to come back as it was.
        metadata = {"step": str(state.step), "record": json.dumps(record)}
        self._store.write(key, kind, tensors, metadata)

    def _read(self, key: str, kind: str) -> tuple[TargetState, dict[str, Any]] | None:
        return self._store.read_as(key, kind, _decode)


def _decode(tensors: Tensors, words: Words) -> tuple[TargetState, dict[str, Any]]:
    """A state and its record; raises LookupError, TypeError or ValueError for anything else."""
    history = tuple(tuple(row) for row in tensors.pop("history").tolist())
    state = TargetState(step=int(words["step"]), history=history, **tensors)
    if not state.latent.shape == state.first.shape == state.second.shape:
        raise ValueError("latents and their moments differ in shape")
    record = json.loads(words["record"])
    if not isinstance(record, dict):
        raise TypeError("a record is a mapping")
    return state, record
