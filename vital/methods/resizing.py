"""Images shown larger or smaller about their middle, by cubic convolution.

A change of size alone acts on rows and columns apart, so it is two products of matrices: faster
than sampling at free places, its gradient is the same on every run of a GPU, and cubic weights pass
short waves that linear ones would hide from the network, and with them any grain of the image.
"""

from __future__ import annotations

import torch

_SHARPNESS = -0.75
"""The slope of the kernel at a distance of one pixel, as in the bicubic modes of torch."""


def resized(images: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Each of images (B, C, H, W) shown ``scales`` (B,) times as large, in the same frame.

    What lies outside of an image that is shown smaller mirrors it.
    """
    scales = scales.to(images.device, non_blocking=True)
    down, right = (resizing_matrices(count, scales) for count in images.shape[-2:])
    # One by one: a product over several images may round each of them differently.
    shown = [down[i] @ image @ right[i].T for i, image in enumerate(images)]
    return torch.stack(shown)


def resizing_matrices(count: int, scales: torch.Tensor) -> torch.Tensor:
    """How ``count`` pixels in a row are made of themselves: (B, count shown, count).

    Weights are those of R. Keys, "Cubic convolution interpolation for digital image processing",
    1981, at the four pixels around a place.
    """
    pixels, middle = torch.arange(count, device=scales.device), (count - 1) / 2
    places = (pixels - middle) / scales.double()[:, None] + middle  # (B, count)
    first = places.floor().long() - 1
    matrices = places.new_zeros(len(scales), count, count)
    for offset in range(4):
        taken = first + offset
        weights = _cubic((places - taken).abs())
        matrices.scatter_add_(2, _mirrored(taken, count)[..., None], weights[..., None])
    return matrices.float()


def _cubic(distances: torch.Tensor) -> torch.Tensor:
    """Keys's kernel at distances from 0 to 2."""
    d, a = distances, _SHARPNESS
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return torch.where(d <= 1, near, far)


def _mirrored(places: torch.Tensor, count: int) -> torch.Tensor:
    """Places outside of ``count`` pixels, reflected at the outer edges of the first and last."""
    periodic = places.remainder(2 * count)
    return torch.minimum(periodic, 2 * count - 1 - periodic)
