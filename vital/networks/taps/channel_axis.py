"""Which axes of a module's output are channels and which are positions."""

from __future__ import annotations

import torch
from torch import nn

from vital.errors import ModelError

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


def positions_last(
    network: nn.Module, module: nn.Module, value: torch.Tensor, images: torch.Tensor, tap: str
) -> torch.Tensor:
    """What a module gave for ``images`` as (B, C, D), each channel's positions side by side.

    It is a view where that can be. Raises ModelError that names the ``tap`` for an output that
    cannot be read so.
    """
    try:
        found = output_channels_first(network, module, value, images)
    except ValueError as error:
        raise ModelError(f"tap {tap!r} gives {error}") from None
    if found.dim() == 4 and not found.is_contiguous():
        gathered: torch.Tensor = _Gathered.apply(found)
        return gathered
    return found.flatten(2)


class _Gathered(torch.autograd.Function):
    """Maps (B, C, H, W) that lie channels last, as contiguous (B, C, H * W).

    The gradient lies as the maps do, so that what the network adds it to need not be moved.
    """

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, maps: torch.Tensor) -> torch.Tensor:
        ctx.shape = maps.shape  # type: ignore[attr-defined]
        gathered = maps.new_empty(*maps.shape[:2], maps.shape[2:].numel())
        for written, one in zip(gathered, maps.flatten(2), strict=True):
            written.copy_(one)  # one by one: torch is fast at turning a matrix, but not many
        return gathered

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: torch.autograd.function.FunctionCtx, outer: torch.Tensor) -> torch.Tensor:
        maps = outer.reshape(ctx.shape)  # type: ignore[attr-defined]
        return maps.contiguous(memory_format=torch.channels_last)


def output_channels_first(
    network: nn.Module, module: nn.Module, value: torch.Tensor, images: torch.Tensor
) -> torch.Tensor:
    """A module's output for ``images`` as (B, C, H, W), (B, C, N) or (B, C, 1).

    Raises ValueError for an output that cannot be read so.
    """
    if value.dim() > 0 and len(value) != len(images):
        raise ValueError(f"{len(value)} rows for {len(images)} images, not one row per image")
    height, width = images.shape[-2:]
    declared = str(getattr(network, "output_fmt", "NCHW"))
    return channels_first(value, module, (height, width), declared)


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
