"""Settings that a whole process shares: set while somebody wants them, then as they were.

Threads that want the same run side by side; one that wants others waits until these have ended.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

Values = TypeVar("Values")


class ProcessState(Generic[Values]):
    """Some settings of the process, which ``read`` reads and ``write`` writes all at once."""

    def __init__(self, read: Callable[[], Values], write: Callable[[Values], None]) -> None:
        self._read = read
        self._write = write
        self._changed = threading.Condition()
        self._holders = 0
        self._held: Values
        self._before: Values
        self._mine = threading.local()

    @contextmanager
    def holding(self, wanted: Values) -> Iterator[None]:
        """While the block runs, the settings are ``wanted``.

        Within such a block of the same thread, those of the inner one hold. What somebody else
        changes meanwhile does not outlast the block.
        """
        outer: list[Values] = getattr(self._mine, "wanted", [])
        self._move(outer[-1:], [wanted])
        self._mine.wanted = [*outer, wanted]
        try:
            yield
        finally:
            self._mine.wanted = outer
            self._move([wanted], outer[-1:])

    def _move(self, old: list[Values], new: list[Values]) -> None:
        """Let go of the old settings, if any, then hold the new: never two at once."""
        with self._changed:
            if old == new and self._mine.holds:
                self._write(self._held)
                return
            for _ in old:
                self._let_go()
            for wanted in new:
                self._hold(wanted)

    def _hold(self, wanted: Values) -> None:
        if self._holders and self._held != wanted:
            log.info("another thread computes in another way: waiting for its end")
        while self._holders and self._held != wanted:
            self._changed.wait()
        if not self._holders:
            self._before = self._read()
        self._held = wanted
        self._holders += 1
        self._mine.holds = True
        self._write(wanted)

    def _let_go(self) -> None:
        if not self._mine.holds:  # a signal ended the wait for others
            return
        self._mine.holds = False
        self._holders -= 1
        self._write(self._held if self._holders else self._before)
        if not self._holders:
            self._changed.notify_all()
