"""A Ray cluster, and tasks that run in its workers.

Each task computes on as many threads as it would have here, so that its bytes are the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch

from vital.errors import Interrupted, ParamsError, VitalError, first_line
from vital.params.ray import RayParams
from vital.runtime.signals import handlers_kept, held_back

if TYPE_CHECKING:
    import ray

Job = TypeVar("Job")
Made = TypeVar("Made")
Kept = TypeVar("Kept")

Begin = Callable[[], Callable[[Job], Made]]
"""What a worker calls once; it gives what a worker calls for each job."""

_LOOK = 0.5
"""Seconds between looks at whether a signal came."""

_PATIENCE = 60.0
"""Seconds that workers are given to end the step they are in."""


class Cluster:
    """The Ray cluster that parameters name, joined or started when it is first needed.

    A cluster that this process is already part of is used as it is. Only what was joined or
    started here is left or shut down by :meth:`close`. ``block`` is that of the parameters, for
    messages. Raises ParamsError where Ray is not installed.
    """

    def __init__(self, params: RayParams, block: str) -> None:
        _import_ray(block)
        self.params = params
        self.block = block
        self._ours = False

    def close(self) -> None:
        """Leave or shut down what was joined or started here."""
        if self._ours:
            _import_ray(self.block).shutdown()

    @property
    def threads(self) -> int:
        """How many threads each worker computes with."""
        return self.params.threads or torch.get_num_threads()

    def check_device(self, device: torch.device) -> None:
        """Raise ParamsError where work is on a GPU and tasks get none, or the other way round."""
        gpus = self.params.gpus
        if (device.type == "cuda") != (gpus > 0):
            raise ParamsError(
                f"{self.block}.ray.gpus: {gpus} does not go with device {device.type!r}: "
                "it is above 0 for work on a GPU, 0 for work on the CPU"
            )

    def places(self) -> int:
        """How many tasks the running cluster has room for at once, at least 1."""
        has = self.running().cluster_resources()
        takes = {"CPU": self.threads, "GPU": self.params.gpus}
        return max(1, int(min(has.get(name, 0) // each for name, each in takes.items() if each)))

    def results(
        self,
        begin: Begin[Job, Made],
        jobs: Sequence[Job],
        keep: Callable[[Job, Made], Kept],
    ) -> Generator[Kept, None, None]:
        """Yield what ``keep`` gives for each job and its result, in the order in which they end.

        A signal is held back while ``keep`` runs. When the iteration is left, workers end the step
        that they are in and save it, and what waits is dropped. Raises the error that a task ended
        with, Interrupted when a signal came, and VitalError where workers die too often.
        """
        if not jobs:
            return
        submit = self._remote()
        shared = [self.running().put(begin)]  # in a list: workers fetch it once
        tasks = {submit(shared, self.threads, job): job for job in jobs}
        try:
            while tasks:
                with held_back() as stop:
                    ended = _wait(list(tasks), stop)
                    kept = keep(tasks.pop(ended), self._result(ended))
                yield kept
        finally:
            _stop(list(tasks))

    def running(self) -> Any:
        """The module ray, once there is a cluster."""
        module = _import_ray(self.block)
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
                f"{self.block}.ray.address: no Ray cluster can be joined at {address!r}: "
                + first_line(error)
            ) from None

    def _remote(self) -> Callable[..., ray.ObjectRef[Any]]:
        remote = self.running().remote(
            num_cpus=self.threads,
            num_gpus=self.params.gpus,
            max_retries=self.params.retries,
            max_calls=0,  # a worker stays when it has used a GPU: starting one takes seconds
        )(_make)
        submit: Callable[..., ray.ObjectRef[Any]] = remote.remote
        return submit

    def _result(self, ended: ray.ObjectRef[Any]) -> Any:
        """What a task made; raises the error that it ended with, as it was raised."""
        import ray

        try:
            return ray.get(ended)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            raise VitalError(
                f"a Ray task was lost more than {self.block}.ray.retries allows: "
                + first_line(error)
            ) from None


def check_same_name(what: str, ours: str, theirs: str) -> None:
    """Raise VitalError where a worker names the same work differently."""
    if ours != theirs:
        raise VitalError(
            f"a Ray worker names {what} differently: it runs another version of "
            "vital or torch, or a network whose source differs"
        )


def _import_ray(block: str) -> Any:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
    except ModuleNotFoundError:
        raise ParamsError(
            f"{block}.engine: 'ray' needs the package ray: pip install 'vital[ray]'"
        ) from None
    return ray


_begun: dict[str, Callable[[Any], Any]] = {}
"""In a worker: what it last began, with its network."""


def _make(shared: list[ray.ObjectRef[Any]], threads: int, job: Any) -> Any:
    """In a worker: make a job, from where the store has it."""
    torch.set_num_threads(threads)
    try:
        return _work(shared[0])(job)
    except Interrupted:  # by whoever started the work: what was done is saved
        return None


def _work(shared: ray.ObjectRef[Any]) -> Callable[[Any], Any]:
    import ray

    name = shared.hex()
    if name not in _begun:
        _begun.clear()
        _begun[name] = ray.get(shared)()
    return _begun[name]


def _wait(tasks: list[ray.ObjectRef[Any]], stop: Callable[[], bool]) -> ray.ObjectRef[Any]:
    """The first task that ends; raises Interrupted when told to stop."""
    import ray

    while not stop():
        ended, _ = ray.wait(tasks, timeout=_LOOK)
        if ended:
            return ended[0]
    raise Interrupted("workers end and save the step that they are in")


def _stop(tasks: list[ray.ObjectRef[Any]]) -> None:
    """Have workers end their step and save it, as a signal would; what waits is dropped."""
    import ray

    for task in tasks:
        ray.cancel(task)
    if tasks:
        ray.wait(tasks, num_returns=len(tasks), timeout=_PATIENCE)
