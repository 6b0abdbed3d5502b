"""The one loop that makes images: a batch of targets, each with its own draws, resumable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from vital.errors import Interrupted, VitalError
from vital.methods.objectives import Objective
from vital.methods.parametrizations import Parametrization
from vital.methods.schedule import Phase, learning_rate, phases, total_steps
from vital.methods.transforms import Transform
from vital.params.visualize import ScheduleParams
from vital.references.pooling import pooled


@dataclass(frozen=True)
class TargetState:
    """Everything that continues one target's optimisation at ``step``.

    ``latent`` holds the numbers that the last step was made in, ``first`` and ``second`` their
    moments in Adam. ``sensitivity`` (H, W) is the sum over the steps of the magnitude of the
    gradient by the image, averaged over colours; ``history`` holds (step, total, parts...) rows.
    """

    step: int
    latent: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    sensitivity: torch.Tensor
    history: tuple[tuple[float, ...], ...] = field(default=())

    @classmethod
    def initial(cls, latent: torch.Tensor, size: tuple[int, int]) -> TargetState:
        """Before the first step; ``size`` is the image's (height, width)."""
        nothing = torch.zeros_like(latent)
        return cls(0, latent, nothing, nothing.clone(), torch.zeros(size))


@dataclass(frozen=True)
class Problem:
    """What images are made of, how they are shown, and what of them is minimised, by what steps.

    ``parametrize`` takes numbers and how many steps they have behind them, and gives the images
    that they stand for in the numbers of the next step. ``objectives`` holds one for each phase's
    pool.
    """

    parametrize: Callable[[torch.Tensor, int], Parametrization]
    transform: Transform
    objectives: Mapping[int, Objective]
    schedule: ScheduleParams


def _never() -> bool:
    return False


@dataclass(frozen=True)
class Monitor:
    """What is told of an optimisation while it runs, and what may end it.

    ``history_every`` is how often losses are noted in the states' histories, in steps.
    ``checkpoint`` receives the states every ``checkpoint_every`` steps, ``report`` how many steps
    have ended since it was last called, and the last one's mean total. ``stop`` is asked after
    every ``stop_every`` steps, the last one aside, whether to end there.
    """

    history_every: int
    checkpoint_every: int
    checkpoint: Callable[[list[TargetState]], None]
    report: Callable[[int, float], None]
    stop: Callable[[], bool] = _never
    stop_every: int = 1


def optimize(
    states: Sequence[TargetState], problem: Problem, monitor: Monitor
) -> list[TargetState]:
    """Bring a batch of targets, all at the same step, to the end of their schedule.

    A phase starts with fresh moments. The batch's loss is the sum over targets, so that each
    target's gradient is what it would be alone.

    Raises VitalError when the loss stops being finite; earlier checkpoints stay usable. Raises
    Interrupted, after a checkpoint, when told to stop.
    """
    total = total_steps(problem.schedule)
    for phase in phases(problem.schedule):
        if states[0].step >= phase.end:
            continue
        batch = _Batch(states, phase, problem)
        unseen: list[torch.Tensor] = []
        for step in range(states[0].step, phase.end):
            totals, parts = batch.advance(step)
            unseen.append(totals)
            done = step + 1
            recorded = step % monitor.history_every == 0 or done == total
            stopping = done < total and done % monitor.stop_every == 0 and monitor.stop()
            saved = stopping or (done % monitor.checkpoint_every == 0 and done < total)
            if recorded or saved or done == phase.end or not totals.is_cuda:
                # To look at a GPU's numbers is to wait for it: it is done for many steps at once.
                _check_finite(unseen, done)
                monitor.report(len(unseen), float(totals.mean()))
                unseen.clear()
            if recorded:
                batch.record(step, totals, parts)
            if saved:
                monitor.checkpoint(batch.states(done))
            if stopping:
                raise Interrupted(f"stopped after step {done} of {total}, which is saved")
        states = batch.states(phase.end)
    return list(states)


def _check_finite(totals: Sequence[torch.Tensor], done: int) -> None:
    """Raise VitalError if one of the last totals is not finite; ``done`` steps have ended."""
    finite = torch.stack(list(totals)).isfinite().all(dim=1)
    if not bool(finite.all()):
        step = done - len(totals) + int(finite.logical_not().int().argmax())
        raise VitalError(
            f"the loss is no longer finite at step {step}; a lower learning rate may help "
            "(visualize.lr, or that of the method under peers)"
        )


class _Batch:
    """The stacked states of several targets in one phase, and one Adam over them."""

    def __init__(self, states: Sequence[TargetState], phase: Phase, problem: Problem) -> None:
        params = problem.schedule
        self._phase = phase
        self._problem = problem
        latents = torch.stack([state.latent for state in states])
        self._parametrization = problem.parametrize(latents, states[0].step)
        self._histories = [list(state.history) for state in states]
        latent = self._parametrization.latent
        self._adam = torch.optim.Adam(
            [latent], lr=params.lr, betas=params.betas, eps=params.eps, fused=True
        )
        self._sensitivity = torch.stack([state.sensitivity for state in states]).to(latent.device)
        passed = states[0].step - phase.first
        first = torch.stack([state.first for state in states]).to(latent.device)
        second = torch.stack([state.second for state in states]).to(latent.device)
        self._adam.state[latent] = {
            "step": torch.tensor(float(passed), device=latent.device),
            "exp_avg": first if passed else torch.zeros_like(latent),
            "exp_avg_sq": second if passed else torch.zeros_like(latent),
        }

    def advance(self, step: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """One step of all targets; returns the totals and parts before it."""
        objective = self._problem.objectives[self._phase.pool]
        images = self._parametrization.images()
        shown = self._problem.transform(pooled(images, self._phase.pool), step)
        seen = shown.detach().requires_grad_(True)
        totals, parts = objective(seen, step)
        (gradient,) = torch.autograd.grad(totals.sum(), seen)
        (gradient,) = torch.autograd.grad(shown, images, gradient)
        self._adam.zero_grad()
        torch.autograd.backward(images, gradient)
        self._sensitivity += gradient.abs().mean(dim=1)
        for group in self._adam.param_groups:
            group["lr"] = learning_rate(step, self._phase, self._problem.schedule)
        self._adam.step()
        self._parametrization.constrain()
        return totals.detach(), {name: part.detach() for name, part in parts.items()}

    def record(self, step: int, totals: torch.Tensor, parts: dict[str, torch.Tensor]) -> None:
        """Append a row of history to every target."""
        columns = torch.stack([totals, *parts.values()], dim=1).cpu().double().tolist()
        for history, row in zip(self._histories, columns, strict=True):
            history.append((float(step), *row))

    def states(self, step: int) -> list[TargetState]:
        """The states of all targets, on the CPU."""
        latent = self._parametrization.latent
        moments = self._adam.state[latent]
        return [
            TargetState(
                step=step,
                latent=_copy(latent[i]),
                first=_copy(moments["exp_avg"][i]),
                second=_copy(moments["exp_avg_sq"][i]),
                sensitivity=_copy(self._sensitivity[i]),
                history=tuple(self._histories[i]),
            )
            for i in range(len(self._histories))
        ]


def _copy(values: torch.Tensor) -> torch.Tensor:
    return values.detach().to("cpu", copy=True)


def pad(states: Sequence[TargetState], size: int) -> list[TargetState]:
    """Repeat the last state until the batch has its fixed physical size."""
    missing = size - len(states)
    return [*states, *(replace(states[-1]) for _ in range(missing))]
