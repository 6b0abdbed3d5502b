"""Work with images that another process does, and therefore has to import."""

from __future__ import annotations

import torch

from vital.images.image_set import ImageSet
from vital.images.preprocessing import Preprocessing


def pixels_of(images: ImageSet, preprocessing: Preprocessing) -> torch.Tensor:
    """All batches of the images, loaded by two workers."""
    parts = images.batches(preprocessing, 4, workers=2)
    return torch.cat([pixels for _, pixels in parts])
