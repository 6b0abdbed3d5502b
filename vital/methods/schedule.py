"""When a method does what: its phases, and the learning rate at each of their steps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate

from vital.params.visualize import ScheduleParams


@dataclass(frozen=True)
class Phase:
    """Steps ``first`` up to ``end`` at one resolution, at a learning rate of at most ``lr``.

    Before the network sees them, images are average-pooled by ``pool``.
    """

    first: int
    end: int
    pool: int
    lr: float


def phases(params: ScheduleParams) -> tuple[Phase, ...]:
    """The full-size phase, after a coarse one where it is asked for (paper section 3).

    Where a polish is asked for, it is the last.
    """
    coarse, polish = params.coarse, params.polish
    asked = [(coarse.steps, coarse.pool, params.lr)] if coarse else []
    asked.append((params.steps, 1, params.lr))
    asked += [(polish.steps, 1, polish.lr)] if polish else []
    ends = list(accumulate(steps for steps, _, _ in asked))
    return tuple(
        Phase(end - steps, end, pool, lr)
        for end, (steps, pool, lr) in zip(ends, asked, strict=True)
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
        return phase.lr * (passed + 1) / warm
    if not params.anneal:
        return phase.lr
    progress = (passed - warm) / max(1, steps - warm)
    return phase.lr * 0.5 * (1.0 + math.cos(math.pi * progress))
