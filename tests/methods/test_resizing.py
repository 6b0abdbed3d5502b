"""Images shown larger or smaller, against a definition written out and torch's own sampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from vital.methods.resizing import resized, resizing_matrices

SCALES = [0.7, 0.95, 1.08, 1.4]


def images(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(5))


def kernel(distance: float) -> float:
    """Keys's, for a = -0.75."""
    if distance <= 1:
        return 1.25 * distance**3 - 2.25 * distance**2 + 1
    return -0.75 * distance**3 + 3.75 * distance**2 - 6 * distance + 3 if distance < 2 else 0.0


def mirrored(place: int, count: int) -> int:
    return -1 - place if place < 0 else 2 * count - 1 - place if place >= count else place


def by_hand(image: np.ndarray, scale: float) -> np.ndarray:
    """Each pixel shown, of the sixteen of the image around its place, in float64."""
    shown = np.zeros_like(image)
    _, height, width = image.shape
    for row in range(height):
        for column in range(width):
            down = (row - (height - 1) / 2) / scale + (height - 1) / 2
            right = (column - (width - 1) / 2) / scale + (width - 1) / 2
            for y in range(math.floor(down) - 1, math.floor(down) + 3):
                for x in range(math.floor(right) - 1, math.floor(right) + 3):
                    share = kernel(abs(down - y)) * kernel(abs(right - x))
                    shown[:, row, column] += (
                        share * image[:, mirrored(y, height), mirrored(x, width)]
                    )
    return shown


@pytest.mark.parametrize("scale", SCALES)
def test_each_pixel_is_made_of_those_around_its_place(scale: float) -> None:
    given = images(1, 3, 9, 12)
    shown = resized(given, torch.tensor([scale]))[0]
    expected = by_hand(given[0].double().numpy(), scale)
    np.testing.assert_allclose(shown.numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_it_is_what_torch_samples_at_the_same_places(scale: float) -> None:
    given = images(1, 3, 16, 16)
    theta = torch.tensor([[[1 / scale, 0, 0], [0, 1 / scale, 0]]])
    grid = functional.affine_grid(theta, [*given.shape], align_corners=False)
    sampled = functional.grid_sample(
        given, grid, mode="bicubic", padding_mode="reflection", align_corners=False
    )
    torch.testing.assert_close(resized(given, torch.tensor([scale])), sampled, atol=1e-4, rtol=0)


def test_a_surface_without_detail_stays_as_it_is() -> None:
    """The weights of a place add up to one, also where it lies outside."""
    rows = resizing_matrices(7, torch.tensor([*SCALES, 0.2])).double().sum(dim=2)
    torch.testing.assert_close(rows, torch.ones_like(rows), atol=1e-6, rtol=0)


def test_of_its_own_size_an_image_keeps_its_bits() -> None:
    given = images(2, 3, 9, 12)
    assert torch.equal(resized(given, torch.ones(2)), given)


def test_an_image_is_shown_alike_beside_any_others() -> None:
    given, scales = images(5, 3, 64, 48), torch.tensor([0.9, 1.1, 1.03, 0.87, 1.0])
    together = resized(given, scales)
    for i in range(5):
        assert torch.equal(resized(given[i : i + 1], scales[i : i + 1])[0], together[i])


def test_the_gradient_is_the_transposed_map() -> None:
    given, scales = images(2, 3, 9, 12).requires_grad_(), torch.tensor([0.8, 1.2])
    shown = resized(given, scales)
    other = torch.randn(shown.shape, generator=torch.Generator().manual_seed(6))
    (back,) = torch.autograd.grad(shown, given, other)
    torch.testing.assert_close((back * given).sum(), (other * shown).sum(), rtol=1e-4, atol=1e-4)
