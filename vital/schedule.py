"""When a method does what: its phases, and the learning rate at each of their steps."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vital.params.visualize import MethodParams


@dataclass(frozen=True)
class Phase:
    """Steps ``first`` up to ``end`` at one resolution.

    Before the network sees them, images are average-pooled by ``pool`` and shifted by up to
    ``jitter`` pixels of the result.
    """

    first: int
    end: int
    pool: int
    jitter: int


def phases(params: MethodParams) -> tuple[Phase, ...]:
    """The full-size phase, after a coarse one where it is asked for (paper section 3)."""
    if params.coarse is None:
        return (Phase(0, params.steps, 1, params.jitter),)
    coarse = params.coarse
    return (
        Phase(0, coarse.steps, coarse.pool, params.jitter // coarse.pool),
        Phase(coarse.steps, coarse.steps + params.steps, 1, params.jitter),
    )


def total_steps(params: MethodParams) -> int:
    """The steps of all phases together."""
    return phases(params)[-1].end


def learning_rate(step: int, phase: Phase, params: MethodParams) -> float:
    """Linear warm-up over the first fraction of a phase, then a cosine to zero (section 3)."""
    steps = phase.end - phase.first
    passed = step - phase.first
    warm = round(params.warmup * steps)
    if passed < warm:
        return params.lr * (passed + 1) / warm
    progress = (passed - warm) / max(1, steps - warm)
    return params.lr * 0.5 * (1.0 + math.cos(math.pi * progress))
