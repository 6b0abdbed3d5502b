"""Hooks on a network: how long they last, how they end a forward pass, and what they can read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

import torch
from torch.utils.hooks import RemovableHandle

from vital.errors import ModelError


class AllTapsSeenError(Exception):
    """Raised by a hook to end a forward pass from which nothing more is needed."""


def one_tensor(tap: str, output: Any) -> torch.Tensor:
    """What a module gave; raises ModelError that names the ``tap`` where it is not one tensor."""
    if not isinstance(output, torch.Tensor):
        raise ModelError(f"tap {tap!r} gives {type(output).__name__}, not one tensor")
    return output


def never_run(tap: str, runs: int = 0) -> ModelError:
    """The error of a tap that reads a later run than the last of its module's ``runs``."""
    times = f"runs only {runs} times" if runs else "is never run"
    return ModelError(f"tap {tap!r} {times} in the network's forward pass")


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
