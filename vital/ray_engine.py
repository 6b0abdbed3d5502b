"""Where the work of many targets may run instead: in the processes of a Ray cluster.

The batches are those of the local engine and each is made by a local engine, in a worker, on as
many threads as it would have here: so the bytes are the same. What a worker saves lies in the
work store; where that folder is shared, whoever makes a batch again goes on from there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from vital.engine import Batch, Engine, Finished
from vital.errors import Interrupted, ParamsError, VitalError, first_line
from vital.interruption import handlers_kept, held_back
from vital.methods.base import Method
from vital.optimize import TargetState
from vital.params.visualize import RayParams, VisualizeParams
from vital.units import Target
from vital.workstore import WorkStore

if TYPE_CHECKING:
    import ray

Made = list[tuple[str, TargetState, dict[str, Any]]]
"""Of each target of a batch: its key, its last state and its record."""

MakeEngine = Callable[[Method, VisualizeParams, WorkStore], Engine]

_LOOK = 0.5
"""Seconds between looks at whether a signal came."""

_PATIENCE = 60.0
"""Seconds that workers are given to end the step they are in."""


@contextmanager
def engines(params: VisualizeParams) -> Iterator[MakeEngine]:
    """What makes the engines that ``visualize.engine`` names; they end with the block.

    Raises ParamsError where Ray is asked for and is not installed.
    """
    if params.engine == "local":
        yield Engine
        return
    with closing(Cluster(params.ray)) as cluster:
        yield partial(RayEngine, cluster)


class Cluster:
    """The Ray cluster that parameters name, joined or started when it is first needed.

    A cluster that this process is already part of is used as it is. Only what was joined or
    started here is left or shut down by :meth:`close`.
    """

    def __init__(self, params: RayParams) -> None:
        _import_ray()
        self.params = params
        self._ours = False

    def close(self) -> None:
        """Leave or shut down what was joined or started here."""
        if self._ours:
            _import_ray().shutdown()

    @property
    def threads(self) -> int:
        """How many threads each worker computes with."""
        return self.params.threads or torch.get_num_threads()

    def make(self) -> Callable[..., ray.ObjectRef[Any]]:
        """The remote form of making a batch, on the running cluster."""
        module = self._running()
        remote = module.remote(
            num_cpus=self.threads,
            num_gpus=self.params.gpus,
            max_retries=self.params.retries,
            max_calls=0,  # a worker stays when it has used a GPU: starting one takes seconds
        )(_make)
        submit: Callable[..., ray.ObjectRef[Any]] = remote.remote
        return submit

    def _running(self) -> Any:
        module = _import_ray()
        if not module.is_initialized():
            with handlers_kept():
                self._start(module)
            self._ours = True
        return module

    def _start(self, module: Any) -> None:
        address = self.params.address
        sizes = {
            "num_cpus": self.params.workers * self.threads,
            "include_dashboard": False,
        }
        try:
            module.init(
                address=address or "local",
                log_to_driver=False,
                logging_level="error",
                **({} if address else sizes),
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise ParamsError(
                f"visualize.ray.address: no Ray cluster can be joined at {address!r}: "
                + first_line(error)
            ) from None


def _import_ray() -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ModuleNotFoundError:
        raise ParamsError(
            "visualize.engine: 'ray' needs the package ray: pip install 'vital[ray]'"
        ) from None
    return ray


class RayEngine(Engine):
    """As :class:`Engine`, with each batch a task of the cluster.

    Results come in the order in which batches end. Raises ParamsError where the network is on a
    GPU and tasks get none, or the other way round.
    """

    def __init__(
        self, cluster: Cluster, method: Method, params: VisualizeParams, store: WorkStore
    ) -> None:
        device = method.setup.device.type
        if (device == "cuda") != (cluster.params.gpus > 0):
            raise ParamsError(
                f"visualize.ray.gpus: {cluster.params.gpus} does not go with device {device!r}: "
                "it is above 0 for work on a GPU, 0 for work on the CPU"
            )
        super().__init__(method, params, store)
        self._cluster = cluster

    def _make_all(self, batches: Sequence[Batch]) -> Iterator[Finished]:
        if not batches:
            return
        import ray

        submit = self._cluster.make()
        shared = [ray.put((self._method, self._params))]  # in a list: workers fetch it once
        folder, threads = self._store.folder.resolve(), self._cluster.threads
        tasks = {}
        for batch in batches:
            targets = [target for target, _ in batch]
            tasks[submit(shared, folder, threads, targets)] = targets
        try:
            while tasks:
                with held_back() as stop:
                    ended = _wait(list(tasks), stop)
                    results = self._keep(tasks.pop(ended), ended)
                yield from results
        finally:
            _stop(list(tasks))

    def _keep(self, targets: Sequence[Target], ended: ray.ObjectRef[Any]) -> list[Finished]:
        """A batch's results, written to the store unless the worker shares it."""
        results = []
        for target, (key, state, record) in zip(targets, _result(ended), strict=True):
            if key != self.key(target):
                raise VitalError(
                    f"a Ray worker names {target.id} differently: it runs another version of "
                    "vital or torch, or a network whose source differs"
                )
            if self._store.load(key) is None:
                self._store.save(key, state, record)
            results.append(self._finished(target, state, record))
        return results


_engines: dict[tuple[str, Path], Engine] = {}
"""In a worker: the engine that it last used, with its network."""


def _make(
    shared: list[ray.ObjectRef[Any]], folder: Path, threads: int, targets: list[Target]
) -> Made:
    """In a worker: make a batch, from where the store has it."""
    torch.set_num_threads(threads)
    engine = _engine(shared[0], folder)
    try:
        return engine.make(targets)
    except Interrupted:  # by whoever started the work: what was done is saved
        return []


def _engine(shared: ray.ObjectRef[Any], folder: Path) -> Engine:
    import ray

    name = (shared.hex(), folder)
    if name not in _engines:
        _engines.clear()
        method, params = ray.get(shared)
        _engines[name] = Engine(method, params, WorkStore(folder))
    return _engines[name]


def _wait(tasks: list[ray.ObjectRef[Any]], stop: Callable[[], bool]) -> ray.ObjectRef[Any]:
    """The first task that ends; raises Interrupted when told to stop."""
    import ray

    while not stop():
        ended, _ = ray.wait(tasks, timeout=_LOOK)
        if ended:
            return ended[0]
    raise Interrupted("workers end and save the step that they are in")


def _result(ended: ray.ObjectRef[Any]) -> Made:
    """What a task made; raises the error that it ended with, as it was raised."""
    import ray

    try:
        made: Made = ray.get(ended)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        raise VitalError(
            f"a Ray task was lost more than visualize.ray.retries allows: {first_line(error)}"
        ) from None
    return made


def _stop(tasks: list[ray.ObjectRef[Any]]) -> None:
    """Have workers end their step and save it, as a signal would; what waits is dropped."""
    import ray

    for task in tasks:
        ray.cancel(task)
    if tasks:
        ray.wait(tasks, num_returns=len(tasks), timeout=_PATIENCE)
