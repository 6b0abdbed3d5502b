"""Where the work of many targets runs: this process, in batches of a fixed physical size.

A Ray cluster's workers run it too: see :mod:`vital.engine.on_ray`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch

from vital.artefacts.columns import PROBABILITY
from vital.artefacts.visualizations import LOSS, loss_column
from vital.engine.optimize import Monitor, Problem, TargetState, optimize, pad
from vital.engine.precision import check_precision, gpu_arithmetic, in_precision
from vital.engine.target_store import TargetStore
from vital.errors import ArtefactError, ModelError
from vital.methods.base import Method
from vital.methods.objectives import Objective
from vital.methods.schedule import total_steps
from vital.networks.taps.gradients import check_gradients
from vital.params.visualize import VisualizeParams
from vital.runtime.closure import code_digest
from vital.runtime.files import digest
from vital.runtime.progress import progress_bar
from vital.runtime.signals import held_back
from vital.runtime.store import WorkStore
from vital.units import CLASS_TAP, Target

log = logging.getLogger(__name__)

Batch = Sequence[tuple[Target, TargetState]]
"""Targets, and the states that they are at."""


@dataclass(frozen=True)
class Finished:
    """One target's image in normalised units (3, H, W), its record and its history.

    ``sensitivity`` (H, W) is the sum of its gradients' magnitudes; ``parts`` names the columns of
    ``history`` after the step and the total loss.
    """

    target: Target
    key: str
    steps: int
    image: torch.Tensor
    sensitivity: torch.Tensor
    record: dict[str, Any]
    parts: tuple[str, ...]
    history: tuple[tuple[float, ...], ...]


class Engine:
    """Makes a method's images for units of one tap, taking from the work store what is there.

    ``params`` says how large the physical batch is and how often work is saved. At a fixed batch
    size a target's gradient does not depend on its neighbours, so its bytes are the same alone,
    with others, resumed or added later. Raises ParamsError for a precision that the device has not.
    """

    def __init__(self, method: Method, params: VisualizeParams, store: WorkStore) -> None:
        self._method = method
        self._params = params
        self._store = store
        self._targets = TargetStore(store)
        self._setup = method.setup
        check_precision(self._setup.precision, self._setup.device)
        self._setup.model.to(self._setup.device)
        self._common = self._common_digest()
        self._keys: dict[Target, str] = {}
        self._is_checked = False

    def run(self, targets: Sequence[Target]) -> Iterator[Finished]:
        """Yield every target's result, those that the store has first, each saved as it ends.

        Raises ModelError before the first step where no gradient leads back to the image, and for
        images that the network gives nothing finite for.
        """
        pending: list[tuple[Target, TargetState]] = []
        for target in targets:
            finished = self._from_store(target)
            if finished is None:
                pending.append((target, self._start(target)))
            else:
                yield finished
        log.info(
            "%d of %d targets are in the work store", len(targets) - len(pending), len(targets)
        )
        if pending and not self._is_checked:
            target, state = pending[0]
            image = self._image(state).unsqueeze(0).to(self._setup.device)
            network = self._setup.model.network
            check_gradients(network, self._method.followed(target.unit), image)
            self._is_checked = True
        yield from self._make_all(list(_batches(pending, self._params.batch)))

    def make(self, targets: Sequence[Target]) -> list[tuple[str, TargetState, dict[str, Any]]]:
        """Make the targets and return each one's key, last state and record, in their order."""
        for _ in self.run(targets):
            pass
        return [(self.key(target), *self._entry(target)) for target in targets]

    def _entry(self, target: Target) -> tuple[TargetState, dict[str, Any]]:
        entry = self._targets.load(self.key(target))
        if entry is None:
            raise ArtefactError(f"{self._store.folder} lost {target.id}, which was just saved")
        return entry

    def _make_all(self, batches: Sequence[Batch]) -> Iterator[Finished]:
        for batch in batches:
            yield from self._make(batch)

    def key(self, target: Target) -> str:
        """The name of a target's entry: a hash of all that determines its image."""
        if target not in self._keys:
            facts = self._method.target_facts(target)
            self._keys[target] = digest([self._common, facts, target.unit.id, target.seed])
        return self._keys[target]

    def _common_digest(self) -> str:
        return digest(
            {
                **self._method.facts(),
                "space": self._method.space.facts(),
                "model": self._setup.model.sha256,
                "preprocessing": self._setup.model.preprocessing.to_dict(),
                "schedule": self._method.schedule.model_dump(mode="json"),
                "history_every": self._params.history_every,
                "batch": self._params.batch,
                "seed": self._setup.seed,
                "device": self._setup.device.type,
                "layout": self._setup.model.layout,
                "precision": self._setup.precision,
                "compiled": self._setup.compiled,
                "torch": torch.__version__,
                "code": code_digest(__name__, type(self._method).__module__),
            }
        )

    def _from_store(self, target: Target) -> Finished | None:
        entry = self._targets.load(self.key(target))
        if entry is None:
            return None
        return self._finished(target, *entry)

    def _finished(self, target: Target, state: TargetState, record: dict[str, Any]) -> Finished:
        return Finished(
            target=target,
            key=self.key(target),
            steps=state.step,
            image=self._image(state),
            sensitivity=state.sensitivity,
            record=record,
            parts=self._method.parts,
            history=state.history,
        )

    def _image(self, state: TargetState) -> torch.Tensor:
        return self._method.image(state.latent.to(self._setup.device), state.step).cpu()

    def _start(self, target: Target) -> TargetState:
        state = self._targets.load_checkpoint(self.key(target))
        if state is not None:
            return state
        size = self._setup.model.preprocessing.size
        return TargetState.initial(self._method.start(target), size)

    def _make(self, batch: Batch) -> Iterator[Finished]:
        with held_back() as stop:
            results = self._save(batch, stop)
        yield from results

    def _save(self, batch: Batch, stop: Callable[[], bool]) -> list[Finished]:
        targets = [target for target, _ in batch]
        padded = [*targets, *[targets[-1]] * (self._params.batch - len(targets))]
        states = pad([state for _, state in batch], self._params.batch)
        with self._method.objectives(padded) as by_pool:
            problem = problem_of(self._method, padded, by_pool)
            ended = self._optimize(targets, states, problem, stop)
            shown = self._shown(ended)
            losses = _losses(by_pool[1], shown)
        responses = self._method.responses(padded, shown)
        results = []
        for target, state, loss, response in zip(targets, ended, losses, responses, strict=False):
            record = {**loss, **response}
            _check_record(target, record)
            self._targets.save(self.key(target), state, record)
            results.append(self._finished(target, state, record))
        return results

    def _optimize(
        self,
        targets: Sequence[Target],
        states: Sequence[TargetState],
        problem: Problem,
        stop: Callable[[], bool],
    ) -> list[TargetState]:
        """Bring the padded batch of ``targets`` to its end, saving it from time to time."""

        def checkpoint(current: list[TargetState]) -> None:
            for target, state in zip(targets, current, strict=False):
                self._targets.save_checkpoint(self.key(target), state)

        label = f"{targets[0].unit.name} .. {targets[-1].unit.name}"
        steps = total_steps(problem.schedule)
        with progress_bar(total=steps, label=label, unit="steps") as bar:
            bar.update(states[0].step)

            def report(steps: int, loss: float) -> None:
                bar.update(steps)
                bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)

            monitor = Monitor(
                self._params.history_every,
                self._params.checkpoint_every,
                checkpoint,
                report,
                stop,
                self._method.hold,
            )
            with gpu_arithmetic(self._setup.precision):
                return optimize(states, problem, monitor)

    def _shown(self, states: Sequence[TargetState]) -> torch.Tensor:
        """The images as they will be stored: rounded to bytes, in normalised units."""
        preprocessing = self._setup.model.preprocessing
        images = torch.stack([self._image(state) for state in states])
        rounded = preprocessing.denormalize(images).clamp(0, 1).mul(255).round().div(255)
        return preprocessing.normalize(rounded).to(self._setup.device)


def problem_of(
    method: Method, targets: Sequence[Target], objectives: Mapping[int, Objective]
) -> Problem:
    """What the loop does for the targets of a batch, the network run as the method's setup says."""
    setup = method.setup
    return Problem(
        lambda latents, step: method.parametrize(latents.to(setup.device), step),
        method.transform(targets),
        {
            pool: in_precision(objective, setup.precision, setup.device)
            for pool, objective in objectives.items()
        },
        method.schedule,
    )


def _check_record(target: Target, record: Mapping[str, float]) -> None:
    """Raise ModelError for a number that a finished image must have and has not."""
    needed = record if target.unit.tap == CLASS_TAP else record.keys() - {PROBABILITY}
    for name in record:
        if name in needed and not math.isfinite(record[name]):
            raise ModelError(
                f"{target.id}: {name} of the finished image is {record[name]}; a lower learning "
                "rate may help (visualize.lr, or that of the method under peers)"
            )


def _losses(objective: Objective, shown: torch.Tensor) -> list[dict[str, float]]:
    """The total loss of each image and its parts."""
    with torch.no_grad():
        totals, parts = objective(shown, 0)
    columns = {LOSS: totals, **{loss_column(name): part for name, part in parts.items()}}
    return [{name: float(values[i]) for name, values in columns.items()} for i in range(len(shown))]


def _batches(pending: Batch, size: int) -> Iterator[Batch]:
    """Group targets that stand at the same step, the furthest first."""
    by_step = sorted(pending, key=lambda entry: -entry[1].step)
    for _, group in groupby(by_step, key=lambda entry: entry[1].step):
        alike = list(group)
        for first in range(0, len(alike), size):
            yield alike[first : first + size]
