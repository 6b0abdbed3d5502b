"""What a stage has finished of its work, kept until the stage has ended well.

DVC empties a stage's outputs before it runs. A stage that is killed therefore finds its finished
parts in the work store, under a hash of all that determines them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from vital.errors import ArtefactError, Interrupted
from vital.runtime.files import digest
from vital.runtime.provenance import library_digest
from vital.runtime.signals import held_back
from vital.runtime.tensors import read_tensors, write_tensors

Tensors = Mapping[str, torch.Tensor]

_SUFFIX = ".part.safetensors"


class Parts:
    """Parts of one stage's work by name, below ``folder``; without a folder none is kept.

    ``facts``, plain data, are all that determines them besides the library and torch. A copy that
    is sent to another process names parts by what it has of these two.
    """

    def __init__(self, folder: Path | None = None, facts: Any = None) -> None:
        self._folder = folder
        self._facts = facts
        self._common = digest([facts, torch.__version__, library_digest()]) if folder else ""
        self._used: set[Path] = set()

    def __reduce__(self) -> tuple[type[Parts], tuple[Path | None, Any]]:
        return Parts, (self._folder and self._folder.resolve(), self._facts)

    def key(self, name: str) -> str:
        """The name of a part's file: a hash of all that determines it."""
        return digest([self._common, name])

    def load(self, name: str) -> Tensors | None:
        """A finished part, or None where there is none that is whole."""
        if self._folder is None:
            return None
        kept = read_tensors(self._path(self._folder, name))
        return None if kept is None else kept[0]

    def make(self, name: str, work: Callable[[], Tensors]) -> Tensors:
        """Do a part's work and keep what it gives, in place of what was kept by this name.

        Raises Interrupted, when a signal came meanwhile, after the part is kept.
        """
        if self._folder is None:
            return work()
        with held_back() as stop:
            made = work()
            self._keep(self._folder, name, made)
            if stop():
                raise Interrupted(f"stopped after {name}, which is saved")
        return made

    def add(self, name: str, made: Tensors) -> None:
        """Keep what another process made, unless it is here: its folder may be this one."""
        if self._folder is not None and self.load(name) is None:
            self._keep(self._folder, name, made)

    def kept(self, name: str) -> Tensors:
        """A part that was made or added before; raises ArtefactError where it is gone."""
        found = self.load(name)
        if found is None:
            raise ArtefactError(f"{self._folder} lost {name}, which was just saved")
        return found

    def get(self, name: str, work: Callable[[], Tensors]) -> Tensors:
        """A part that is kept, or else made now."""
        kept = self.load(name)
        return self.make(name, work) if kept is None else kept

    def remove(self) -> None:
        """Delete the parts that were loaded or made."""
        for path in self._used:
            path.unlink(missing_ok=True)

    def _keep(self, folder: Path, name: str, made: Tensors) -> None:
        kept = {key: value.cpu().contiguous() for key, value in made.items()}
        write_tensors(self._path(folder, name), kept)

    def _path(self, folder: Path, name: str) -> Path:
        key = self.key(name)
        path = folder / key[:2] / (key + _SUFFIX)
        self._used.add(path)
        return path


@contextmanager
def parts_until_done(folder: Path | None, facts: Any) -> Iterator[Parts]:
    """Parts that are deleted when the block ends well, as its results are then elsewhere."""
    parts = Parts(folder, facts)
    yield parts
    parts.remove()
