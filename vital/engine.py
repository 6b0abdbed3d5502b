"""Where the work of many targets runs: this process, in batches of a fixed physical size."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch

from vital import (
    activations,
    layouts,
    objectives,
    optimize,
    parametrizations,
    pooling,
    schedule,
    seeds,
    statistics,
)
from vital.activations import TapReader, tap_shapes
from vital.errors import ModelError, ParamsError
from vital.files import digest
from vital.methods import vital as vital_method
from vital.methods.vital import Read, SortMatchingObjective, read_all, tap_weights
from vital.models import StudiedModel
from vital.optimize import Draws, TargetState
from vital.parametrizations import Pixels, normal_start
from vital.params.visualize import VisualizeParams
from vital.pooling import at_pool
from vital.progress import progress_bar
from vital.provenance import source_digest
from vital.schedule import phases, total_steps
from vital.seeds import generator
from vital.statistics import UnitStatistics
from vital.units import Target
from vital.workstore import WorkStore

log = logging.getLogger(__name__)


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
    """Makes images for classes of one network, taking from the work store what is there.

    At a fixed batch size a target's gradient does not depend on its neighbours, so its bytes are
    the same alone, with others, resumed or added later.
    """

    def __init__(
        self,
        model: StudiedModel,
        units: Mapping[str, UnitStatistics],
        params: VisualizeParams,
        seed: int,
        store: WorkStore,
        device: torch.device,
    ) -> None:
        self._model = model.to(device)
        self._units = units
        self._params = params
        self._method = params.method()
        self._seed = seed
        self._store = store
        self._device = device
        self._taps = list(at_pool(next(iter(units.values())), 1))
        self._reader = TapReader(model.network, self._taps)
        self._positions = {
            phase.pool: self._count_positions(phase.pool) for phase in phases(self._method)
        }
        self._digests = {name: _statistics_digest(kept) for name, kept in units.items()}
        self._common = self._common_digest()

    def run(self, targets: Sequence[Target]) -> Iterator[Finished]:
        """Yield every target's result, those that the store has first, each saved as it ends."""
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
        for batch in _batches(pending, self._params.batch):
            yield from self._make(batch)

    def key(self, target: Target) -> str:
        """The name of a target's entry: a hash of all that determines its image."""
        return digest([self._common, self._digests[target.unit.id], target.unit.id, target.seed])

    def _facts(self) -> dict[str, Any]:
        """What determines an image besides what all units have in common."""
        return {"method": "vital"}

    def _count_positions(self, pool: int) -> dict[str, int]:
        """How many positions each tap has for images that are pooled so."""
        height, width = self._model.preprocessing.size
        size = (height // pool, width // pool)
        try:
            shapes = tap_shapes(self._model.network, self._taps, size)
        except (RuntimeError, AssertionError) as error:  # each network refuses in its own way
            raise ModelError(
                f"{self._model.name} cannot take images of {size[0]} x {size[1]} pixels: {error}"
            ) from None
        return {tap: positions for tap, (_, positions) in shapes.items()}

    def _common_digest(self) -> str:
        code = source_digest(
            activations,
            objectives,
            optimize,
            parametrizations,
            pooling,
            schedule,
            layouts,
            seeds,
            statistics,
            vital_method,
        )
        return digest(
            {
                **self._facts(),
                "model": self._model.sha256,
                "preprocessing": self._model.preprocessing.to_dict(),
                "default_weights": self._model.taps,
                "params": self._method.model_dump(mode="json"),
                "history_every": self._params.history_every,
                "batch": self._params.batch,
                "seed": self._seed,
                "device": self._device.type,
                "torch": torch.__version__,
                "code": code,
            }
        )

    def _from_store(self, target: Target) -> Finished | None:
        entry = self._store.load(self.key(target))
        if entry is None:
            return None
        return self._finished(target, *entry)

    def _finished(self, target: Target, state: TargetState, record: dict[str, Any]) -> Finished:
        return Finished(
            target=target,
            key=self.key(target),
            steps=state.step,
            image=state.latent,
            sensitivity=state.sensitivity,
            record=record,
            parts=(*self._taps, "tv", "l2"),
            history=state.history,
        )

    def _start(self, target: Target) -> TargetState:
        state = self._store.load_checkpoint(self.key(target))
        if state is not None:
            return state
        draws = generator(self._seed, target.id, "start")
        return TargetState.initial(normal_start(self._model.preprocessing.size, draws))

    def _make(self, batch: Sequence[tuple[Target, TargetState]]) -> Iterator[Finished]:
        targets = [target for target, _ in batch]
        padded = [*targets, *[targets[-1]] * (self._params.batch - len(targets))]
        states = optimize.pad([state for _, state in batch], self._params.batch)
        with self._reading(padded) as read:
            by_pool = {pool: self._objective(read, padded, pool) for pool in self._positions}
            ended = self._optimize(targets, padded, states, by_pool)
            shown = self._shown(ended)
            losses = _losses(by_pool[1], shown)
        responses = self._responses(padded, shown)
        for target, state, loss, response in zip(targets, ended, losses, responses, strict=False):
            record = {**loss, **response}
            self._store.save(self.key(target), state, record)
            yield self._finished(target, state, record)

    @contextmanager
    def _reading(self, targets: Sequence[Target]) -> Iterator[Read]:  # noqa: ARG002 (others differ)
        """How images for these targets are read while they are made."""
        with self._reader:
            yield read_all(self._reader)

    def _draws(self, target: Target) -> Draws:
        return Draws.of(self._seed, target.id, self._method)

    def _objective(self, read: Read, padded: Sequence[Target], pool: int) -> SortMatchingObjective:
        kept = [at_pool(self._units[target.unit.id], pool) for target in padded]
        if not all(kept):
            raise ParamsError(
                f"visualize.coarse.pool: no statistics of images pooled by {pool}; "
                f"extract.pools must hold {pool}"
            )
        weights = [tap_weights(one, self._model.taps, self._method) for one in kept]
        return SortMatchingObjective(
            read, kept, weights, self._positions[pool], self._method, self._device
        )

    def _optimize(
        self,
        targets: Sequence[Target],
        padded: Sequence[Target],
        states: Sequence[TargetState],
        by_pool: Mapping[int, SortMatchingObjective],
    ) -> list[TargetState]:
        def parametrize(start: torch.Tensor) -> Pixels:
            start = start.to(self._device)
            return Pixels(start, self._model.preprocessing, self._method.clamp)

        def checkpoint(current: list[TargetState]) -> None:
            for target, state in zip(targets, current, strict=False):
                self._store.save_checkpoint(self.key(target), state)

        label = f"{targets[0].unit.name} .. {targets[-1].unit.name}"
        with progress_bar(total=total_steps(self._method), label=label, unit="steps") as bar:
            bar.update(states[0].step)

            def report(loss: float) -> None:
                bar.update()
                bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)

            return optimize.optimize(
                states,
                [self._draws(target) for target in padded],
                parametrize,
                by_pool,
                self._method,
                history_every=self._params.history_every,
                checkpoint_every=self._params.checkpoint_every,
                checkpoint=checkpoint,
                report=report,
            )

    def _shown(self, states: Sequence[TargetState]) -> torch.Tensor:
        """The images as they will be stored: rounded to bytes, in normalised units."""
        preprocessing = self._model.preprocessing
        images = torch.stack([state.latent for state in states])
        rounded = preprocessing.denormalize(images).clamp(0, 1).mul(255).round().div(255)
        return preprocessing.normalize(rounded).to(self._device)

    def _responses(self, targets: Sequence[Target], shown: torch.Tensor) -> list[dict[str, Any]]:
        """The logit and the probability of each target's unit."""
        with torch.no_grad():
            logits = self._model.network(shown)
        probabilities = logits.softmax(dim=1)
        return [
            {
                "activation": float(logits[i, target.unit.index]),
                "probability": float(probabilities[i, target.unit.index]),
            }
            for i, target in enumerate(targets)
        ]


def _losses(objective: SortMatchingObjective, shown: torch.Tensor) -> list[dict[str, float]]:
    """The total loss of each image and its parts."""
    with torch.no_grad():
        totals, parts = objective(shown, 0)
    columns = {"loss": totals, **{f"loss_{name}": part for name, part in parts.items()}}
    return [{name: float(values[i]) for name, values in columns.items()} for i in range(len(shown))]


def _batches(
    pending: Sequence[tuple[Target, TargetState]], size: int
) -> Iterator[list[tuple[Target, TargetState]]]:
    """Group targets that stand at the same step, the furthest first."""
    by_step = sorted(pending, key=lambda entry: -entry[1].step)
    for _, group in groupby(by_step, key=lambda entry: entry[1].step):
        alike = list(group)
        for first in range(0, len(alike), size):
            yield alike[first : first + size]


def _statistics_digest(kept: UnitStatistics) -> str:
    return digest(
        {
            tap: [
                one.quantiles.shape,
                digest(one.quantiles.tobytes().hex()),
                digest(one.importance.tobytes().hex()),
            ]
            for tap, one in kept.items()
        }
    )
