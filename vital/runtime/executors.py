"""Where the results of a stage are made: in this process, or in the processes of a Ray cluster.

What a worker makes it saves, and where the work store is shared it is found there by whoever makes
it again. Results are handed on in their order, and those that end early wait in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import groupby
from typing import Protocol

import torch

from vital.params.ray import PlacedParams
from vital.runtime.cluster import Cluster, check_same_name
from vital.runtime.partial_results import PartialResults, Tensors

Make = Callable[[Sequence[str]], Iterator[Tensors]]
"""Makes the results of these names, one after the other; it can be pickled."""

_TASKS_PER_PLACE = 4
"""So that workers end at about the same time."""


class Executor(Protocol):
    """Gives each named result in its turn: one that is kept, or else made and then kept."""

    def __call__(
        self, names: Sequence[str], make: Make, results: PartialResults
    ) -> Generator[Tensors, None, None]: ...


@contextmanager
def executor(
    params: PlacedParams, block: str, device: torch.device, most: int
) -> Iterator[Executor]:
    """The executor that a block of params names; it is closed when the context ends.

    A task of a cluster is at most so many results that follow each other. Raises ParamsError where
    Ray is not installed, and where the network is on a GPU and tasks get none or the other way
    round.
    """
    if params.engine == "local":
        yield LocalExecutor()
        return
    with closing(Cluster(params.ray, block)) as cluster:
        cluster.check_device(device)
        yield ClusterExecutor(cluster, most)


class LocalExecutor:
    """Makes what is missing in this process, results that follow each other in one go."""

    def __call__(
        self, names: Sequence[str], make: Make, results: PartialResults
    ) -> Generator[Tensors, None, None]:
        """As of any executor."""
        making: Iterator[Tensors] | None = None
        for place, name in enumerate(names):
            found = results.load(name)
            if found is not None:
                making = None
                yield found
                continue
            if making is None:
                making = make(names[place:])
            yield results.make(name, partial(next, making))


class ClusterExecutor:
    """Makes what is missing in workers, each task as :class:`LocalExecutor` would.

    A task is at most ``most`` results that follow each other.
    """

    def __init__(self, cluster: Cluster, most: int) -> None:
        self._cluster = cluster
        self._most = most

    def __call__(
        self, names: Sequence[str], make: Make, results: PartialResults
    ) -> Generator[Tensors, None, None]:
        """As of any executor."""
        runs = [
            list(run)
            for missing, run in groupby(names, key=lambda name: results.load(name) is None)
            if missing
        ]
        waiting = {name for run in runs for name in run}
        jobs = self._jobs(runs) if waiting else []

        def keep(job: Sequence[str], made: Sequence[tuple[str, Tensors]]) -> Sequence[str]:
            for name, (key, tensors) in zip(job, made, strict=True):
                check_same_name(name, results.key(name), key)
                results.add(name, tensors)
            return job

        with closing(self._cluster.results(partial(_begin, make, results), jobs, keep)) as ended:
            for name in names:
                while name in waiting:
                    waiting.difference_update(next(ended))
                yield results.kept(name)

    def _jobs(self, runs: Sequence[Sequence[str]]) -> list[Sequence[str]]:
        """Runs of names cut into tasks."""
        tasks = _TASKS_PER_PLACE * self._cluster.places()
        size = min(self._most, -(-sum(map(len, runs)) // tasks))
        return [run[first : first + size] for run in runs for first in range(0, len(run), size)]


def _begin(
    make: Make, results: PartialResults
) -> Callable[[Sequence[str]], list[tuple[str, dict[str, torch.Tensor]]]]:
    """In a worker: what makes results there, on the CPU's memory for the way back."""

    def work(names: Sequence[str]) -> list[tuple[str, dict[str, torch.Tensor]]]:
        found = LocalExecutor()(names, make, results)
        return [
            (results.key(name), {key: value.cpu() for key, value in made.items()})
            for name, made in zip(names, found, strict=True)
        ]

    return work
