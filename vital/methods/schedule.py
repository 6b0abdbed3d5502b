"""When a method does what: its phases, and the learning rate at each of their steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vital.params.visualize import ScheduleParams


@dataclass(frozen=True)
class Phase:
    """Steps ``first`` up to ``end`` at one resolution.

    Before the network sees them, images are average-pooled by ``pool``.
    """

    first: int
    end: int
    pool: int


def phases(params: ScheduleParams) -> tuple[Phase, ...]:
    """The full-size phase, after a coarse one where it is asked for (paper section 3)."""
    if params.coarse is None:
        return (Phase(0, params.steps, 1),)
    coarse = params.coarse
    return (
        Phase(0, coarse.steps, coarse.pool),
        Phase(coarse.steps, coarse.steps + params.steps, 1),
    )


def total_steps(params: ScheduleParams) -> int:
    """The steps of all phases together."""
    return phases(params)[-1].end


def learning_rate(step: int, phase: Phase, params: ScheduleParams) -> float:
    """Linear warm-up over the first fraction of a phase, then a cosine to zero (section 3).

    Without annealing the rate stays as it is after the warm-up.
    """
    steps = phase.end - phase.first
    passed = step - phase.first
    warm = round(params.warmup * steps)
    if passed < warm:
        return params.lr * (passed + 1) / warm
    if not params.anneal:
        return params.lr
    progress = (passed - warm) / max(1, steps - warm)
    return params.lr * 0.5 * (1.0 + math.cos(math.pi * progress))
