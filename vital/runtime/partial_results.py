"""What a stage has finished of its work, kept until the stage has ended well.

DVC empties a stage's outputs before it runs. A stage that is killed therefore finds what it had
finished in the work store, under a hash of all that determines it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from vital.errors import ArtefactError, Interrupted
from vital.runtime.closure import code_digest
from vital.runtime.files import digest
from vital.runtime.signals import held_back
from vital.runtime.store import WorkStore

Tensors = Mapping[str, torch.Tensor]

_KIND = "partial"


class PartialResults:
    """The results of one stage's work so far, by name, in the work store at ``folder``.

    Without a folder none is kept. ``facts``, plain data, are all that determines them besides torch
    and the code: ``module``, by its dotted name, and what that depends on. A copy that is sent to
    another process names results by what it has of these two.
    """

    def __init__(self, folder: Path | None = None, facts: Any = None, module: str = "") -> None:
        self._store = WorkStore(folder) if folder else None
        self._made_by = (facts, module)
        self._common = digest([facts, torch.__version__, code_digest(module)]) if folder else ""
        self._used: set[str] = set()

    def __reduce__(self) -> tuple[type[PartialResults], tuple[Path | None, Any, str]]:
        folder = self._store.folder.resolve() if self._store else None
        return PartialResults, (folder, *self._made_by)

    def key(self, name: str) -> str:
        """The key of a result's entry: a hash of all that determines it."""
        return digest([self._common, name])

    def load(self, name: str) -> Tensors | None:
        """A finished result, or None where there is none that is whole.

        What it holds needs no further look: the key has the library's code, the checksum the rest.
        """
        if self._store is None:
            return None
        kept = self._store.read(self._use(name), _KIND)
        return None if kept is None else kept[0]

    def make(self, name: str, work: Callable[[], Tensors]) -> Tensors:
        """Do the work of a result and keep what it gives, in place of what had this name.

        Raises Interrupted, when a signal came meanwhile, after the result is kept.
        """
        if self._store is None:
            return work()
        with held_back() as stop:
            made = work()
            self._store.write(self._use(name), _KIND, made)
            if stop():
                raise Interrupted(f"stopped after {name}, which is saved")
        return made

    def add(self, name: str, made: Tensors) -> None:
        """Keep what another process made, unless it is here: its folder may be this one."""
        if self._store is not None and self.load(name) is None:
            self._store.write(self._use(name), _KIND, made)

    def kept(self, name: str) -> Tensors:
        """A result that was made or added before; raises ArtefactError where it is gone."""
        found = self.load(name)
        if found is None:
            where = self._store.folder if self._store else "a stage that keeps no results"
            raise ArtefactError(f"{where} lost {name}, which was just saved")
        return found

    def get(self, name: str, work: Callable[[], Tensors]) -> Tensors:
        """A result that is kept, or else made now."""
        kept = self.load(name)
        return self.make(name, work) if kept is None else kept

    def remove(self) -> None:
        """Delete the results that were loaded or made."""
        if self._store is not None:
            for key in self._used:
                self._store.remove(key, _KIND)

    def _use(self, name: str) -> str:
        key = self.key(name)
        self._used.add(key)
        return key


@contextmanager
def partial_results_until_done(
    folder: Path | None, facts: Any, module: str
) -> Iterator[PartialResults]:
    """Results that are deleted when the block ends well, as they are then elsewhere."""
    results = PartialResults(folder, facts, module)
    yield results
    results.remove()
