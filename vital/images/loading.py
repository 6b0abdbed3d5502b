"""Image files are decoded ahead of their use: in threads, and handed on in their order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Decoded = TypeVar("Decoded")

_MOST_WORKERS = 8
"""Pillow lets other threads run while it decodes and resizes, but not all the time."""


def default_workers() -> int:
    """One for each CPU that this process may use, as far as more of them help.

    No more than torch has threads: a worker of a cluster is given these, and sees all the CPUs.
    """
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(cpus, torch.get_num_threads(), _MOST_WORKERS)


def decode_ahead(
    decode: Callable[[Item], Decoded], items: Sequence[Item], ahead: int, workers: int | None = None
) -> Generator[Decoded, None, None]:
    """What ``decode`` gives for each item, in their order.

    At most ``ahead`` items are decoded before they are asked for, in so many threads as there are
    ``workers`` (see :func:`default_workers`); a single worker is the caller, when asked. An error
    is raised when its item's turn comes. However the iteration ends, what waits is then dropped
    and no thread is left.
    """
    workers = min(workers or default_workers(), len(items))
    if workers <= 1:
        yield from map(decode, items)
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    waiting: deque[Future[Decoded]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(decode, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
