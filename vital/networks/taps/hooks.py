"""Hooks on a network that last as long as their reader is open."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from torch.utils.hooks import RemovableHandle


class HookedReader(ABC):
    """A context manager that takes its hooks away again, also after an exception."""

    def __init__(self) -> None:
        self._handles: list[RemovableHandle] = []

    def __enter__(self) -> Self:
        self._handles += self._register()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._forget()

    @abstractmethod
    def _register(self) -> Iterable[RemovableHandle]:
        """Hook what is read."""

    @abstractmethod
    def _forget(self) -> None:
        """Let go of all that was read."""
