"""Preprocessing against torchvision's, and its inverse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from vital.images.preprocessing import Preprocessing


@pytest.mark.parametrize("size", [(300, 200), (200, 300), (256, 256), (90, 61)])
def test_preprocessing_equals_torchvisions(size: tuple[int, int]) -> None:
    draws = np.random.default_rng(1)
    image = Image.fromarray(draws.integers(0, 255, (size[1], size[0], 3), np.uint8))
    ours = Preprocessing((56, 56), (0.4, 0.5, 0.6), (0.2, 0.3, 0.4), crop_pct=0.875)
    theirs = transforms.Compose(
        [
            transforms.Resize(64),
            transforms.CenterCrop(56),
            transforms.ToTensor(),
            transforms.Normalize(ours.mean, ours.std),
        ]
    )
    torch.testing.assert_close(ours(image), theirs(image), atol=0.03, rtol=0)


def test_denormalizing_inverts_normalizing() -> None:
    preprocessing = Preprocessing((4, 4), (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
    pixels = torch.rand(2, 3, 4, 4)
    again = preprocessing.denormalize(preprocessing.normalize(pixels))
    torch.testing.assert_close(again, pixels)
    low, high = preprocessing.bounds()
    torch.testing.assert_close(preprocessing.denormalize(low), torch.zeros(3, 1, 1))
    torch.testing.assert_close(preprocessing.denormalize(high), torch.ones(3, 1, 1))


def endless(width: int, height: int) -> Image.Image:
    draws = np.random.default_rng(width)
    return Image.fromarray(draws.integers(0, 255, (height, width, 3), np.uint8))


def enlarged_then_cropped(image: Image.Image, size: tuple[int, int], crop_pct: float) -> np.ndarray:
    """The definition: the whole image is resized, and the centre is cut from it."""
    height, width = size
    scale = max(height / image.height, width / image.width) / crop_pct
    whole = image.resize(
        (max(width, round(image.width * scale)), max(height, round(image.height * scale))),
        Image.Resampling.BILINEAR,
    )
    left, top = (whole.width - width) // 2, (whole.height - height) // 2
    return np.asarray(whole.crop((left, top, left + width, top + height)), dtype=int)


@pytest.mark.parametrize("crop_pct", [1.0, 0.875])
@pytest.mark.parametrize("shape", [(21, 1), (1, 21), (500, 7), (9, 400), (2000, 60), (61, 1300)])
def test_a_strip_is_cut_to_what_enlarging_it_would_give(
    shape: tuple[int, int], crop_pct: float
) -> None:
    size = (36, 28)
    ours = Preprocessing(size, (0.0,) * 3, (1.0,) * 3, crop_pct=crop_pct)
    expected = enlarged_then_cropped(endless(*shape), size, crop_pct)
    assert np.abs(np.asarray(ours.crop(endless(*shape)), dtype=int) - expected).max() <= 2


@pytest.mark.parametrize("shape", [(20, 1), (1, 20), (400, 20), (20, 400), (35, 50)])
def test_up_to_twenty_to_one_bytes_are_those_of_the_whole(shape: tuple[int, int]) -> None:
    ours = Preprocessing((36, 28), (0.0,) * 3, (1.0,) * 3, crop_pct=0.9)
    expected = enlarged_then_cropped(endless(*shape), ours.size, 0.9)
    assert np.array_equal(np.asarray(ours.crop(endless(*shape))), expected)


@pytest.mark.parametrize("shape", [(20_000, 1), (1, 20_000), (500_000, 20), (20, 500_000)])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_no_strip_is_enlarged_as_a_whole(
    shape: tuple[int, int], interpolation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    resize = Image.Image.resize

    def counted(
        self: Image.Image, size: tuple[int, int], *args: object, **kwargs: object
    ) -> object:
        made.append(size[0] * size[1])
        return resize(self, size, *args, **kwargs)

    monkeypatch.setattr(Image.Image, "resize", counted)
    ours = Preprocessing((224, 224), (0.0,) * 3, (1.0,) * 3, interpolation, 0.875)
    assert ours.crop(Image.new("RGB", shape, (9, 8, 7))).getcolors() == [(224 * 224, (9, 8, 7))]
    assert made == [224 * 224]
