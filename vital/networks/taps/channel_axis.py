"""Which axes of a module's output are channels and which are positions."""

from __future__ import annotations

import torch
from torch import nn

_CHANNELS_FIRST = (
    nn.modules.conv._ConvNd,
    nn.modules.batchnorm._NormBase,
    nn.modules.pooling._AdaptiveAvgPoolNd,
    nn.modules.pooling._AdaptiveMaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    nn.modules.pooling._MaxPoolNd,
    nn.GroupNorm,
)
"""Modules whose output has its channels in the second axis by definition."""


def channels_first(
    value: torch.Tensor, module: nn.Module, size: tuple[int, int], declared: str
) -> torch.Tensor:
    """Bring a module's output to (B, C, H, W), (B, C, N) or (B, C, 1).

    A feature map's layout is that of its module where the module's class has one; else it is seen
    from the shape, as a map has the proportions of the image of (height, width) ``size``; and
    where both readings fit, it is what the network says of itself: ``declared``, ``NCHW`` or
    ``NHWC``. Tokens are (B, N, C), a vector (B, C). Class and register tokens stay.

    Raises ValueError for a tensor of other than 2 to 4 dimensions.
    """
    if value.dim() == 4:
        return value.movedim(-1, 1) if _channels_last(value, module, size, declared) else value
    if value.dim() == 3:
        return value if isinstance(module, _CHANNELS_FIRST) else value.movedim(-1, 1)
    if value.dim() == 2:
        return value.unsqueeze(-1)
    raise ValueError(f"a tensor of {value.dim()} dimensions; 2 to 4 work")


def _channels_last(
    value: torch.Tensor, module: nn.Module, size: tuple[int, int], declared: str
) -> bool:
    if isinstance(module, _CHANNELS_FIRST):
        return False
    last = _in_proportion(value.shape[1], value.shape[2], size)
    first = _in_proportion(value.shape[2], value.shape[3], size)
    return declared == "NHWC" if last == first else last


def _in_proportion(height: int, width: int, size: tuple[int, int]) -> bool:
    """Whether a map of this shape can come from the image; exact for square images."""
    return abs(height * size[1] - width * size[0]) < max(size)
