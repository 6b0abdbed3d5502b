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
