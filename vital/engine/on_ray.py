"""Where the work of many targets may run instead: in the processes of a Ray cluster.

The batches are those of the local engine and each is made by a local engine, in a worker: so the
bytes are the same. What a worker saves lies in the work store; where that folder is shared,
whoever makes a batch again goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from vital.engine.local import Batch, Engine, Finished
from vital.engine.optimize import TargetState
from vital.methods.base import Method
from vital.params.visualize import VisualizeParams
from vital.runtime.cluster import Cluster, check_same_name
from vital.runtime.store import WorkStore
from vital.units import Target

Made = list[tuple[str, TargetState, dict[str, Any]]]
"""Of each target of a batch: its key, its last state and its record."""

MakeEngine = Callable[[Method, VisualizeParams, WorkStore], Engine]


@contextmanager
def engines(params: VisualizeParams) -> Iterator[MakeEngine]:
    """What makes the engines that ``visualize.engine`` names; they end with the block.

    Raises ParamsError where Ray is asked for and is not installed.
    """
    if params.engine == "local":
        yield Engine
        return
    with closing(Cluster(params.ray, "visualize")) as cluster:
        yield partial(RayEngine, cluster)


class RayEngine(Engine):
    """As :class:`Engine`, with each batch a task of the cluster.

    Results come in the order in which batches end. Raises ParamsError where the network is on a
    GPU and tasks get none, or the other way round.
    """

    def __init__(
        self, cluster: Cluster, method: Method, params: VisualizeParams, store: WorkStore
    ) -> None:
        cluster.check_device(method.setup.device)
        super().__init__(method, params, store)
        self._cluster = cluster

    def _make_all(self, batches: Sequence[Batch]) -> Iterator[Finished]:
        begin = partial(_begin, self._method, self._params, self._store.folder.resolve())
        jobs = [[target for target, _ in batch] for batch in batches]
        with closing(self._cluster.results(begin, jobs, self._keep)) as results:
            for batch in results:
                yield from batch

    def _keep(self, targets: Sequence[Target], made: Made) -> list[Finished]:
        """A batch's results, written to the store unless the worker shares it."""
        results = []
        for target, (key, state, record) in zip(targets, made, strict=True):
            check_same_name(target.id, self.key(target), key)
            if self._targets.load(key) is None:
                self._targets.save(key, state, record)
            results.append(self._finished(target, state, record))
        return results


def _begin(
    method: Method, params: VisualizeParams, folder: Path
) -> Callable[[Sequence[Target]], Made]:
    """In a worker: what makes batches there."""
    return Engine(method, params, WorkStore(folder)).make
