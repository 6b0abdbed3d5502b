"""Where a stage's parts are made: in this process, or in the processes of a Ray cluster.

What a worker makes it saves, and where the work store is shared it is found there by whoever makes
it again. Parts are handed on in their order, and those that end early wait in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import groupby

import torch

from vital.params.ray import PlacedParams
from vital.runtime.cluster import Cluster, check_same_name
from vital.runtime.partial_results import Parts, Tensors

MakeParts = Callable[[Sequence[str]], Iterator[Tensors]]
"""Makes the parts of these names, one after the other; it can be pickled."""

PartEngine = Callable[[Sequence[str], MakeParts, Parts], Generator[Tensors, None, None]]
"""Gives each part in its turn: one that is kept, or else made and then kept."""

_TASKS_PER_PLACE = 4
"""So that workers end at about the same time."""


@contextmanager
def part_engine(
    params: PlacedParams, block: str, device: torch.device, most: int
) -> Iterator[PartEngine]:
    """The engine that ``params`` of a block name; it ends with the block.

    A task of a cluster is at most so many parts that follow each other. Raises ParamsError where
    Ray is not installed, and where the network is on a GPU and tasks get none or the other way
    round.
    """
    if params.engine == "local":
        yield here
        return
    with closing(Cluster(params.ray, block)) as cluster:
        cluster.check_device(device)
        yield partial(on_cluster, cluster, most)


def here(names: Sequence[str], make: MakeParts, parts: Parts) -> Generator[Tensors, None, None]:
    """Make what is missing in this process, parts that follow each other in one go."""
    making: Iterator[Tensors] | None = None
    for place, name in enumerate(names):
        kept = parts.load(name)
        if kept is not None:
            making = None
            yield kept
            continue
        if making is None:
            making = make(names[place:])
        yield parts.make(name, partial(next, making))


def on_cluster(
    cluster: Cluster, most: int, names: Sequence[str], make: MakeParts, parts: Parts
) -> Generator[Tensors, None, None]:
    """Make what is missing in workers, each task as :func:`here` would."""
    runs = [
        list(run)
        for missing, run in groupby(names, key=lambda name: parts.load(name) is None)
        if missing
    ]
    waiting = {name for run in runs for name in run}
    jobs = _jobs(cluster, most, runs) if waiting else []

    def keep(job: Sequence[str], made: Sequence[tuple[str, Tensors]]) -> Sequence[str]:
        for name, (key, tensors) in zip(job, made, strict=True):
            check_same_name(name, parts.key(name), key)
            parts.add(name, tensors)
        return job

    with closing(cluster.results(partial(_begin, make, parts), jobs, keep)) as ended:
        for name in names:
            while name in waiting:
                waiting.difference_update(next(ended))
            yield parts.kept(name)


def _jobs(cluster: Cluster, most: int, runs: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Runs of parts cut into tasks."""
    tasks = _TASKS_PER_PLACE * cluster.places()
    size = min(most, -(-sum(map(len, runs)) // tasks))
    return [run[first : first + size] for run in runs for first in range(0, len(run), size)]


def _begin(
    make: MakeParts, parts: Parts
) -> Callable[[Sequence[str]], list[tuple[str, dict[str, torch.Tensor]]]]:
    """In a worker: what makes parts there, on the CPU's memory for the way back."""

    def work(names: Sequence[str]) -> list[tuple[str, dict[str, torch.Tensor]]]:
        found = here(names, make, parts)
        return [
            (parts.key(name), {key: value.cpu() for key, value in made.items()})
            for name, made in zip(names, found, strict=True)
        ]

    return work
