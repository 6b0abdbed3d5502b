"""The loop."""

from __future__ import annotations

import pytest
import torch

from vital.engine.optimize import Monitor, Problem, TargetState, optimize
from vital.images.preprocessing import Preprocessing
from vital.methods.parametrizations import Pixels
from vital.methods.schedule import learning_rate, phases
from vital.methods.transforms import Draws, Jitter
from vital.params.visualize import CoarseParams, MethodParams

PREPROCESSING = Preprocessing((6, 5), (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))


def run(
    params: MethodParams, start: torch.Tensor, checkpoints: list[TargetState] | None = None
) -> torch.Tensor:
    """Minimise half the squared distance to 1 with the loop."""
    return resume(params, TargetState.initial(start, (6, 5)), checkpoints).latent


def resume(
    params: MethodParams, state: TargetState, checkpoints: list[TargetState] | None = None
) -> TargetState:
    def objective(images: torch.Tensor, _step: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss = 0.5 * (images - 1).square().flatten(1).sum(1)
        return loss, {"distance": loss}

    def keep(states: list[TargetState]) -> None:
        if checkpoints is not None:
            checkpoints.extend(states)

    (ended,) = optimize(
        [state],
        Problem(
            lambda latent: Pixels(latent, PREPROCESSING, params.clamp),
            Jitter([Draws.of(0, "t", params)]),
            {phase.pool: objective for phase in phases(params)},
            params,
        ),
        Monitor(history_every=1, checkpoint_every=1, checkpoint=keep, report=lambda *_: None),
    )
    return ended


def adam(params: MethodParams, start: torch.Tensor) -> torch.Tensor:
    """The same by hand, in float64; the gradient of a mean over pooled pixels is written out."""
    value = start.double()
    for phase in phases(params):
        first, second = torch.zeros_like(value), torch.zeros_like(value)
        rows, columns = (size // phase.pool for size in value.shape[1:])
        for step in range(phase.first, phase.end):
            gradient = torch.zeros_like(value)
            for row in range(rows):
                for column in range(columns):
                    down = slice(row * phase.pool, (row + 1) * phase.pool)
                    right = slice(column * phase.pool, (column + 1) * phase.pool)
                    error = value[:, down, right].mean(dim=(1, 2), keepdim=True) - 1
                    gradient[:, down, right] = error / phase.pool**2
            first = 0.5 * first + 0.5 * gradient
            second = 0.9 * second + 0.1 * gradient**2
            passed = step - phase.first + 1
            mean, spread = first / (1 - 0.5**passed), second / (1 - 0.9**passed)
            value = value - learning_rate(step, phase, params) * mean / (spread.sqrt() + 1e-8)
    return value


@pytest.mark.parametrize("coarse", [None, CoarseParams(steps=2, pool=2)])
def test_steps_are_those_of_adam(coarse: CoarseParams | None) -> None:
    params = MethodParams(steps=3, coarse=coarse, lr=0.1, jitter=2, warmup=0.0, clamp=False)
    start = torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(run(params, start).double(), adam(params, start), atol=1e-5, rtol=0)


def test_every_checkpoint_leads_to_the_same_end_also_between_phases() -> None:
    coarse = CoarseParams(steps=4, pool=2)
    params = MethodParams(steps=3, coarse=coarse, lr=0.1, jitter=4, flip=True)
    checkpoints: list[TargetState] = []
    start = torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(1))
    undisturbed = run(params, start, checkpoints)
    assert [state.step for state in checkpoints] == [1, 2, 3, 4, 5, 6]
    for state in checkpoints:
        assert torch.equal(resume(params, state).latent, undisturbed)


def test_clamped_pixels_stay_between_black_and_white() -> None:
    params = MethodParams(steps=30, lr=5.0, jitter=0, clamp=True)
    pixels = PREPROCESSING.denormalize(run(params, 10 * torch.randn(3, 6, 5)))
    assert float(pixels.min()) >= -1e-6
    assert float(pixels.max()) <= 1 + 1e-6
