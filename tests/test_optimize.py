"""The jitter and the loop."""

from __future__ import annotations

import pytest
import torch

from vital.optimize import Draws, TargetState, jitter, optimize, undo_jitter
from vital.parametrizations import Pixels
from vital.params.visualize import CoarseParams, MethodParams
from vital.preprocessing import Preprocessing
from vital.schedule import learning_rate, phases

PREPROCESSING = Preprocessing((6, 5), (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))


@pytest.mark.parametrize("flip", [False, True])
def test_undoing_jitter_gives_back_the_images(flip: bool) -> None:
    params = MethodParams(steps=20, lr=1.0, jitter=3, flip=flip)
    images = torch.randn(2, 3, 6, 5)
    draws = [Draws.of(0, name, params) for name in ("a", "b")]
    for step in range(20):
        assert torch.equal(undo_jitter(jitter(images, draws, step), draws, step), images)


def test_jitter_shifts_each_image_by_its_own_draw() -> None:
    draws = Draws(shifts=torch.tensor([[1, 2]]), flips=torch.tensor([False]))
    image = torch.arange(30.0).view(1, 1, 6, 5)
    moved = jitter(image, [draws], 0)
    assert float(moved[0, 0, 1, 2]) == float(image[0, 0, 0, 0])
    assert float(moved[0, 0, 0, 0]) == float(image[0, 0, 5, 3])


def test_draws_depend_on_seed_and_target_only() -> None:
    params = MethodParams(steps=50, lr=1.0, jitter=5, flip=True)
    one, again = Draws.of(3, "class/1/0", params), Draws.of(3, "class/1/0", params)
    other = Draws.of(3, "class/1/1", params)
    assert torch.equal(one.shifts, again.shifts)
    assert torch.equal(one.flips, again.flips)
    assert not torch.equal(one.shifts, other.shifts)
    assert int(one.shifts.abs().max()) == 5
    assert 0 < int(one.flips.sum()) < 50


def run(
    params: MethodParams, start: torch.Tensor, checkpoints: list[TargetState] | None = None
) -> torch.Tensor:
    """Minimise half the squared distance to 1 with the loop."""
    return resume(params, TargetState.initial(start), checkpoints).latent


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
        [Draws.of(0, "t", params)],
        lambda latent: Pixels(latent, PREPROCESSING, params.clamp),
        {phase.pool: objective for phase in phases(params)},
        params,
        history_every=1,
        checkpoint_every=1,
        checkpoint=keep,
        report=lambda _: None,
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
