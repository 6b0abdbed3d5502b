"""The loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from helpers.coloured_images import MEASURED
from vital.engine.optimize import Monitor, Problem, TargetState, optimize
from vital.images.preprocessing import Preprocessing
from vital.images.statistics import mixing_matrix
from vital.methods.image_spaces import FourierSpace, ImageSpace, PixelSpace
from vital.methods.schedule import learning_rate, phases
from vital.methods.transforms import Draws, Jitter
from vital.params.visualize import CoarseParams, MethodParams

PREPROCESSING = Preprocessing((6, 5), (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))


def run(
    params: MethodParams, start: torch.Tensor, checkpoints: list[TargetState] | None = None
) -> torch.Tensor:
    """Minimise half the squared distance of the pixels to 1 with the loop."""
    return resume(params, TargetState.initial(start, (6, 5)), checkpoints).latent


def resume(
    params: MethodParams,
    state: TargetState,
    checkpoints: list[TargetState] | None = None,
    space: ImageSpace | None = None,
) -> TargetState:
    space = space or PixelSpace(PREPROCESSING, params.clamp)

    def objective(images: torch.Tensor, _step: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss = 0.5 * (images - 1).square().flatten(1).sum(1)
        return loss, {"distance": loss}

    def keep(states: list[TargetState]) -> None:
        if checkpoints is not None:
            checkpoints.extend(states)

    (ended,) = optimize(
        [state],
        Problem(
            lambda latents, _step: space.parametrize(latents),
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


FOURIER = FourierSpace(PREPROCESSING, MEASURED.covariance, start=0.1, exponent=0.5)


def waves_by_hand(coefficients: np.ndarray) -> np.ndarray:
    """Normalised pixels (3, 6, 5) of coefficients (3, 6, 3, 2), each wave written out."""
    pixels = np.zeros((3, 6, 5))
    rows, columns = np.arange(6)[:, None], np.arange(5)[None, :]
    for row in range(6):
        for column in range(3):
            frequency = np.hypot(min(row, 6 - row) / 6, column / 5)
            scale = max(frequency, 1 / 6) ** -0.5
            wave = np.exp(2j * np.pi * (row * rows / 6 + column * columns / 5)) / np.sqrt(30)
            both = 1 if column == 0 else 2  # the wave and its mirror image, which is not kept
            value = coefficients[:, row, column, 0] + 1j * coefficients[:, row, column, 1]
            pixels += both * scale * (value[:, None, None] * wave).real
    colours = mixing_matrix(MEASURED.covariance).double().numpy()
    shown = 1 / (1 + np.exp(-np.einsum("oc,chw->ohw", colours, pixels / 4)))
    mean, std = (np.array(one)[:, None, None] for one in (PREPROCESSING.mean, PREPROCESSING.std))
    return np.asarray((shown - mean) / std)


def pooled_by_hand(pixels: np.ndarray, pool: int) -> np.ndarray:
    height, width = pixels.shape[1] // pool, pixels.shape[2] // pool
    kept = pixels[:, : height * pool, : width * pool]
    return np.asarray(kept.reshape(3, height, pool, width, pool).mean((2, 4)))


def slope(function: Callable[[np.ndarray], float], place: np.ndarray) -> np.ndarray:
    """The gradient by differences."""
    found = np.zeros_like(place)
    for index in np.ndindex(place.shape):
        step = np.zeros_like(place)
        step[index] = 1e-5
        found[index] = (function(place + step) - function(place - step)) / 2e-5
    return found


def test_steps_over_waves_are_those_of_adam() -> None:
    """Pooled after the inverse transform, with fresh moments; the map is of pixels' gradients."""
    coarse = CoarseParams(steps=2, pool=2)
    params = MethodParams(steps=2, coarse=coarse, lr=0.3, jitter=0, warmup=0.0, eps=1e-3)
    start = FOURIER.start(torch.Generator().manual_seed(1))
    value, sensitivity = start.double().numpy(), np.zeros((6, 5))
    for phase in phases(params):
        first, second = np.zeros_like(value), np.zeros_like(value)

        def distance(pixels: np.ndarray, pool: int = phase.pool) -> float:
            return float(0.5 * np.square(pooled_by_hand(pixels, pool) - 1).sum())

        for step in range(phase.first, phase.end):
            sensitivity += np.abs(slope(distance, waves_by_hand(value))).mean(0)
            gradient = slope(lambda place: distance(waves_by_hand(place)), value)
            first = 0.5 * first + 0.5 * gradient
            second = 0.9 * second + 0.1 * gradient**2
            passed = step - phase.first + 1
            mean, spread = first / (1 - 0.5**passed), second / (1 - 0.9**passed)
            value = value - learning_rate(step, phase, params) * mean / (np.sqrt(spread) + 1e-3)
    ended = resume(params, TargetState.initial(start, (6, 5)), space=FOURIER)
    images = FOURIER.parametrize(ended.latent[None]).images().detach()[0]
    np.testing.assert_allclose(images.numpy(), waves_by_hand(value), atol=1e-4)
    np.testing.assert_allclose(ended.sensitivity.numpy(), sensitivity, atol=1e-4)


@pytest.mark.parametrize("space", [PixelSpace(PREPROCESSING, True), FOURIER])
def test_every_checkpoint_leads_to_the_same_end_also_between_phases(space: ImageSpace) -> None:
    coarse = CoarseParams(steps=4, pool=2)
    params = MethodParams(steps=3, coarse=coarse, lr=0.1, jitter=4, flip=True)
    checkpoints: list[TargetState] = []
    start = TargetState.initial(space.start(torch.Generator().manual_seed(1)), (6, 5))
    undisturbed = resume(params, start, checkpoints, space)
    assert [state.step for state in checkpoints] == [1, 2, 3, 4, 5, 6]
    for state in checkpoints:
        assert torch.equal(resume(params, state, space=space).latent, undisturbed.latent)


def test_clamped_pixels_stay_between_black_and_white() -> None:
    params = MethodParams(steps=30, lr=5.0, jitter=0, clamp=True)
    pixels = PREPROCESSING.denormalize(run(params, 10 * torch.randn(3, 6, 5)))
    assert float(pixels.min()) >= -1e-6
    assert float(pixels.max()) <= 1 + 1e-6
