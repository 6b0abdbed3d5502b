"""The schedule, the jitter and the loop."""

from __future__ import annotations

import math

import pytest
import torch

from vital.optimize import Draws, TargetState, jitter, learning_rate, optimize, undo_jitter
from vital.parametrizations import Pixels
from vital.params.visualize import MethodParams
from vital.preprocessing import Preprocessing

PREPROCESSING = Preprocessing((6, 5), (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))


def test_learning_rate_warms_up_then_falls_to_zero() -> None:
    params = MethodParams(steps=2000, lr=1.0, warmup=0.05)
    assert learning_rate(0, params) == pytest.approx(1 / 100)
    assert learning_rate(49, params) == pytest.approx(0.5)
    assert learning_rate(99, params) == pytest.approx(1.0)
    assert learning_rate(100, params) == pytest.approx(1.0)
    assert learning_rate(1050, params) == pytest.approx(0.5)
    assert learning_rate(1999, params) == pytest.approx(
        0.5 * (1 + math.cos(math.pi * 1899 / 1900)), rel=1e-9
    )


@pytest.mark.parametrize("warmup", [0.0, 1.0])
def test_extreme_warmups_stay_finite(warmup: float) -> None:
    params = MethodParams(steps=3, lr=2.0, warmup=warmup)
    rates = [learning_rate(step, params) for step in range(3)]
    assert all(0 < rate <= 2.0 for rate in rates)


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


def run(params: MethodParams, start: torch.Tensor) -> torch.Tensor:
    """Minimise half the squared distance to 1 with the loop."""

    def objective(images: torch.Tensor) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss = 0.5 * (images - 1).square().flatten(1).sum(1)
        return loss, {"distance": loss}

    (state,) = optimize(
        [TargetState.initial(start)],
        [Draws.of(0, "t", params)],
        lambda latent: Pixels(latent, PREPROCESSING, params.clamp),
        objective,
        params,
        history_every=1,
        checkpoint_every=100,
        checkpoint=lambda _: None,
        report=lambda _: None,
    )
    return state.latent


def test_steps_are_those_of_adam() -> None:
    params = MethodParams(steps=3, lr=0.1, betas=(0.5, 0.9), jitter=2, warmup=0.0, clamp=False)
    start = torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(1))
    value = start.double()
    first = torch.zeros_like(value)
    second = torch.zeros_like(value)
    for step in range(3):
        gradient = value - 1
        first = 0.5 * first + 0.5 * gradient
        second = 0.9 * second + 0.1 * gradient**2
        mean, spread = first / (1 - 0.5 ** (step + 1)), second / (1 - 0.9 ** (step + 1))
        value = value - learning_rate(step, params) * mean / (spread.sqrt() + 1e-8)
    torch.testing.assert_close(run(params, start).double(), value, atol=1e-5, rtol=1e-5)


def test_clamped_pixels_stay_between_black_and_white() -> None:
    params = MethodParams(steps=30, lr=5.0, jitter=0, clamp=True)
    pixels = PREPROCESSING.denormalize(run(params, 10 * torch.randn(3, 6, 5)))
    assert float(pixels.min()) >= -1e-6
    assert float(pixels.max()) <= 1 + 1e-6
