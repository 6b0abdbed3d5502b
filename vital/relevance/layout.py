"""The one layout of what is read at a tap: channels, then positions."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models import SwinTransformer

from vital.errors import ModelError


def keeps_channels_last(network: nn.Module) -> bool:
    """Whether a network's maps are (B, H, W, C)."""
    declared = getattr(network, "output_fmt", "NCHW") == "NHWC"
    return declared or isinstance(network, SwinTransformer)


def positions_last(tap: str, value: torch.Tensor, channels_last: bool) -> torch.Tensor:
    """Turn a tap's output into (B, C, D), a view of it.

    Maps are (B, C, H, W), or (B, H, W, C) where ``channels_last``; tokens are (B, D, C), vectors
    (B, C). Raises ModelError for any other number of dimensions.
    """
    if value.dim() == 4:
        return (value.permute(0, 3, 1, 2) if channels_last else value).flatten(2)
    if value.dim() == 3:
        return value.transpose(1, 2)
    if value.dim() == 2:
        return value.unsqueeze(-1)
    raise ModelError(f"tap {tap!r} gives a tensor of {value.dim()} dimensions; 2 to 4 work")
