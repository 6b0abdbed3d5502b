"""SIGTERM and Ctrl-C: at once where nothing is lost by it, else at the end of a step.

Every file is written whole or not at all, so that most work may stop anywhere. Where that would
throw away more than a moment's work, the signal is held back until the work says it is safe.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from vital.errors import Interrupted

_SIGNALS = (signal.SIGTERM, signal.SIGINT)

Handler = Callable[[int, FrameType | None], None]


@contextmanager
def interruptible() -> Iterator[None]:
    """While the block runs, SIGTERM and Ctrl-C raise Interrupted in it."""
    with handling(_interrupt):
        yield


@contextmanager
def held_back() -> Iterator[Callable[[], bool]]:
    """While the block runs, signals are only noted; gives whether there was one.

    At the end of the block a signal that nothing has acted on raises Interrupted; a second Ctrl-C
    does so at once. On threads other than the main one, which get no signals, nothing changes.
    """
    noted: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if noted and number == signal.SIGINT:
            _interrupt(number, frame)
        noted.append(number)

    with handling(note):
        try:
            yield lambda: bool(noted)
        except Interrupted as ended:
            if noted and not ended.number:
                raise Interrupted(f"{_name(noted[0])}: {ended}", noted[0]) from None
            raise
    if noted:
        _interrupt(noted[0], None)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(_name(number), number)


def _name(number: int) -> str:
    return f"interrupted by {signal.Signals(number).name}"


@contextmanager
def handling(handler: Handler) -> Iterator[None]:
    """While the block runs, SIGTERM and Ctrl-C call ``handler``; on the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [(number, signal.signal(number, handler)) for number in _SIGNALS]
    try:
        yield
    finally:
        for number, earlier in before:
            signal.signal(number, earlier)


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Handlers that a library sets while the block runs are not kept; on the main thread only."""
    before = [(number, signal.getsignal(number)) for number in _SIGNALS]
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, earlier in before:
                signal.signal(number, earlier)
