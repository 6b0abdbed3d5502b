"""What real images have in common as images: their spectrum and the covariance of their colours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from vital.errors import DataError


@dataclass(frozen=True)
class ImageStatistics:
    """Means over images (3, H, W) with pixels in 0..1.

    ``magnitude`` (3, H, W // 2 + 1) is the mean magnitude of their two-dimensional discrete
    Fourier transforms, colour by colour; ``covariance`` (3, 3) that of the colours of all pixels.
    """

    magnitude: torch.Tensor
    covariance: torch.Tensor


def measure_images(batches: Iterable[torch.Tensor]) -> ImageStatistics:
    """Sum over batches (B, 3, H, W) of pixels in 0..1, in double precision and the given order.

    Raises DataError without any image.
    """
    count = pixels = 0
    magnitude = total = products = torch.zeros(())
    for images in batches:
        exact = images.double()
        colours = exact.movedim(1, 0).flatten(1)
        magnitude = magnitude + torch.fft.rfft2(exact).abs().sum(dim=0)
        total = total + colours.sum(dim=1)
        products = products + colours @ colours.T
        count, pixels = count + len(exact), pixels + colours.shape[1]
    if not count:
        raise DataError("there are no images to take the spectrum and the colours of")
    mean = total / pixels
    covariance = products / pixels - torch.outer(mean, mean)
    return ImageStatistics((magnitude / count).float(), covariance.float())


def mixing_matrix(covariance: torch.Tensor) -> torch.Tensor:
    """The matrix (3, 3) that gives independent colours of equal variance this ``covariance``.

    It is a square root of it, scaled so that its longest column is 1 long, as in Lucid; the
    covariance of what it mixes is therefore that of the images up to one factor. Raises DataError
    where all is of one colour.
    """
    variances, directions = torch.linalg.eigh(covariance.double())
    root = directions * variances.clamp(min=0).sqrt()
    longest = torch.linalg.vector_norm(root, dim=0).max()
    if not longest:
        raise DataError("all images are of one colour, so that there are no colours to decorrelate")
    matrix: torch.Tensor = root / longest
    return matrix.float()
