"""Time pieces of work against each other on a machine that others use too."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence


def take_turns(
    works: Sequence[Callable[[], object]],
    repeats: int,
    wait: Callable[[], object] = lambda: None,
) -> list[float]:
    """The median seconds of each piece of work, done in turn; run each once before, untimed.

    ``wait`` returns once a piece of work has really ended, as on a GPU it may not have.
    """
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, taken in zip(works, times, strict=True):
            wait()
            began = time.perf_counter()
            work()
            wait()
            taken.append(time.perf_counter() - began)
    return [statistics.median(taken) for taken in times]
