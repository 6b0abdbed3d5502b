"""What numbers stand for: images written out by hand, wave by wave."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vital.images.preprocessing import Preprocessing
from vital.methods.image_spaces import PhaseSpace
from vital.methods.parametrizations import Spectrum, frequency_scale


@pytest.mark.parametrize("size", [(8, 8), (7, 6), (6, 7), (5, 9)])
def test_any_phases_keep_the_magnitude_of_any_size(size: tuple[int, int]) -> None:
    draws = torch.Generator().manual_seed(1)
    magnitude = torch.fft.rfft2(torch.rand(3, *size, generator=draws)).abs()
    preprocessing = Preprocessing(size, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
    space = PhaseSpace(preprocessing, magnitude)
    phases = space.parametrize(space.start(draws)[None])
    pixels = preprocessing.denormalize(phases.images())[0]
    torch.testing.assert_close(torch.fft.rfft2(pixels).abs(), magnitude, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("exponent", [0.0, 0.7, 1.0, 2.0])
@pytest.mark.parametrize("size", [(8, 8), (7, 6), (6, 9)])
def test_a_spectrums_image_is_that_of_its_definition(
    size: tuple[int, int], exponent: float
) -> None:
    """Every wave summed by hand in float64, its frequency as Lucid scales it."""
    height, width = size
    preprocessing = Preprocessing(size, (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))
    drawn = torch.rand(3, *size, generator=torch.Generator().manual_seed(2)) - 0.5
    colours = torch.tensor([[0.9, 0.1, 0.0], [0.8, 0.0, -0.2], [0.7, -0.3, 0.1]])
    frequencies = np.hypot(
        *np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij")
    )
    scale = 1 / np.maximum(frequencies, 1 / max(size)) ** exponent
    coefficients = np.fft.fft2(drawn.double().numpy(), norm="ortho")
    waves = np.zeros((3, *size))
    for row in range(height):
        for column in range(width):
            angle = np.add.outer(
                row * np.arange(height) / height, column * np.arange(width) / width
            )
            wave = np.exp(2j * np.pi * angle) * scale[row, column] / np.sqrt(height * width)
            waves += (coefficients[:, row, column, None, None] * wave).real
    mixed = np.einsum("oc,chw->ohw", colours.double().numpy(), waves / 4)
    latent = torch.view_as_real(torch.fft.rfft2(drawn, norm="ortho"))[None]
    image = Spectrum(latent, colours, preprocessing, exponent).images().detach()
    pixels = preprocessing.denormalize(image)[0].numpy()
    np.testing.assert_allclose(pixels, 1 / (1 + np.exp(-mixed)), atol=2e-5)


def test_lucids_scale_is_one_over_the_frequency_to_the_last_bit() -> None:
    down, right = torch.fft.fftfreq(12), torch.fft.rfftfreq(9)
    frequencies = torch.sqrt(down[:, None].square() + right[None, :].square())
    expected = 1.0 / frequencies.clamp(min=1.0 / 12)
    assert torch.equal(frequency_scale((12, 9)), expected)
    assert torch.equal(frequency_scale((12, 9), 0.0), torch.ones(12, 5))
