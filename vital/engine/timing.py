"""How long steps take."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from vital.engine.local import problem_of
from vital.engine.optimize import Monitor, TargetState, optimize
from vital.engine.precision import check_precision, gpu_arithmetic
from vital.methods.base import Method
from vital.methods.schedule import total_steps
from vital.units import Target


def seconds_per_step(method: Method, targets: Sequence[Target]) -> float:
    """The mean over all steps of the method's schedule but the first, which warms up.

    ``targets`` are one physical batch. Nothing is saved. Raises ParamsError for a precision that
    the device has not.
    """
    setup = method.setup
    check_precision(setup.precision, setup.device)
    ended: list[float] = []
    size = setup.model.to(setup.device).preprocessing.size
    states = [TargetState.initial(method.start(target), size) for target in targets]
    monitor = Monitor(
        history_every=1,
        checkpoint_every=total_steps(method.schedule),
        checkpoint=lambda _states: None,
        report=lambda *_: ended.append(time.perf_counter()),
    )
    with gpu_arithmetic(setup.precision), method.objectives(targets) as objectives:
        optimize(states, problem_of(method, targets, objectives), monitor)
    return float(np.diff(ended).mean())
