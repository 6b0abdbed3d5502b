"""What images are made of: their start, what determines them, and which is asked for."""

from __future__ import annotations

import pytest
import torch

from helpers.coloured_images import MEASURED
from vital.errors import DataError
from vital.images.preprocessing import Preprocessing
from vital.images.statistics import ImageStatistics
from vital.methods.image_spaces import FourierSpace, PixelSpace, space_of
from vital.params.visualize import MethodParams

PREPROCESSING = Preprocessing((48, 40), (0.5, 0.4, 0.3), (0.2, 0.25, 0.3))


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_coefficients_start_from_noise_of_the_asked_deviation() -> None:
    start = FourierSpace(PREPROCESSING, MEASURED.covariance, start=0.3).start(seeded())
    assert start.shape == (3, 48, 21, 2)
    assert float(start.std()) == pytest.approx(0.3, rel=0.03)
    as_lucid = FourierSpace(PREPROCESSING, MEASURED.covariance).start(seeded())
    torch.testing.assert_close(as_lucid, start / 30)


def test_pixels_start_from_noise_of_the_asked_deviation() -> None:
    start = PixelSpace(PREPROCESSING, clamp=True, spread=0.01).start(seeded())
    assert start.shape == (3, 48, 40)
    assert float(start.std()) == pytest.approx(0.01, rel=0.03)


def test_an_image_begins_almost_grey_and_varies_in_the_images_colours() -> None:
    """What varies in a small part of the sigmoid's range has the images' covariance up to scale."""
    space = FourierSpace(PREPROCESSING, MEASURED.covariance)
    latents = torch.stack([space.start(seeded())])
    pixels = PREPROCESSING.denormalize(space.parametrize(latents).images().detach())[0]
    assert float((pixels - 0.5).abs().max()) < 0.1
    many = torch.stack([space.start(torch.Generator().manual_seed(n)) for n in range(400)])
    drawn = PREPROCESSING.denormalize(space.parametrize(many).images().detach())
    covariance = torch.cov(drawn.double().movedim(1, 0).flatten(1))
    wanted = MEASURED.covariance.double()
    scaled = covariance * wanted.trace() / covariance.trace()
    torch.testing.assert_close(scaled, wanted, rtol=0.05, atol=0.05 * float(wanted.abs().max()))


def test_images_are_measured_where_they_tell_something_and_not_else() -> None:
    def unasked() -> ImageStatistics:
        raise AssertionError

    params = {"steps": 1, "lr": 1.0, "clamp": False}
    pixels = space_of(MethodParams(**params), PREPROCESSING, unasked)
    assert pixels.facts() == {"pixels": {"clamp": False, "spread": 1.0}}
    asked = MethodParams.model_validate(
        {**params, "parametrization": "fourier", "fourier": {"start": 0.2, "exponent": 0.5}}
    )
    facts = space_of(asked, PREPROCESSING, lambda: MEASURED).facts()["fourier"]
    assert (facts["start"], facts["exponent"]) == (0.2, 0.5)
    other = ImageStatistics(MEASURED.magnitude, torch.eye(3))
    assert space_of(asked, PREPROCESSING, lambda: other).facts()["fourier"] != facts


def test_images_of_one_colour_have_none_to_decorrelate() -> None:
    with pytest.raises(DataError, match="all images are of one colour"):
        FourierSpace(PREPROCESSING, torch.zeros(3, 3))
