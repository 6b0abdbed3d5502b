"""Calls that end in time or are left behind.

No timeout of a socket ends what comes a byte at a time, nor one of a database a chain of retries.
Calls to a store therefore run in a thread of their own, and whoever asked waits only as long as
that thread gets on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from queue import Empty, Queue
from threading import Thread, get_ident
from typing import Any, Generic, NoReturn, TypeVar

Made = TypeVar("Made")

PATIENCE = 8.0
"""Seconds without progress after which a store is given up: with the probe, below ten."""

_LOOK = 0.25
"""Seconds between looks at whether a thread gets on."""

_BUSY = 0.01
"""A thread gets on that computes for this share of the time: one that creates tables, however
slowly, but not one that waits, not even if it is given a byte now and then."""


class SilentError(Exception):
    """A store has made no progress for as long as anybody waits."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"it did not answer within {seconds:g} s")


class PatientClient:
    """A client, MLflow's, whose calls end in time; made by ``make``, which ends in time, too.

    Every call raises SilentError where it does not get on.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self._client = in_time(make, PATIENCE)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._client, name)
        return lambda *args, **kwargs: in_time(partial(call, *args, **kwargs), PATIENCE)


def in_time(work: Callable[[], Made], seconds: float) -> Made:
    """What ``work`` gives or raises; raises SilentError where it does not get on for so long.

    Nothing can end the thread that is left behind then; it ends with the process.
    """
    running = _Running(work)
    since = time.monotonic()
    while (outcome := running.outcome(within=_LOOK)) is None:
        if running.gets_on():
            since = time.monotonic()
        elif time.monotonic() - since > seconds:
            raise SilentError(seconds)
    return outcome()


class _Running(Generic[Made]):
    """Work in a thread that nobody has to wait for, and the clock of what it computes."""

    def __init__(self, work: Callable[[], Made]) -> None:
        self._work = work
        self._clocks: Queue[int | None] = Queue()
        self._outcomes: Queue[Callable[[], Made]] = Queue()
        Thread(target=self._run, daemon=True).start()
        self._clock = self._clocks.get()
        self._computed = 0.0

    def _run(self) -> None:
        # Asked in the thread itself: of one that has ended the question may crash.
        find = getattr(time, "pthread_getcpuclockid", None)  # macOS has none
        self._clocks.put(find(get_ident()) if find else None)
        try:
            made = self._work()
        except BaseException as error:
            self._outcomes.put(partial(_raise, error))
        else:
            self._outcomes.put(lambda: made)

    def outcome(self, within: float) -> Callable[[], Made] | None:
        """What gives or raises what the work did; None if it does not end in so many seconds."""
        try:
            return self._outcomes.get(timeout=within)
        except Empty:
            return None

    def gets_on(self) -> bool:
        """Whether it has computed since it was asked last."""
        if self._clock is None:
            return False
        try:
            before, self._computed = self._computed, time.clock_gettime(self._clock)
        except OSError:
            return False  # it has just ended
        return self._computed - before > _BUSY * _LOOK


def _raise(error: BaseException) -> NoReturn:
    raise error
