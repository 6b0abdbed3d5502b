"""Passes over whole activation maps that every rule makes: they are a good part of its cost."""

from __future__ import annotations

import torch


def away_from_zero(values: torch.Tensor, epsilon: float) -> torch.Tensor:
    """Add ``epsilon`` with each value's own sign, so that it can be divided by."""
    return values + torch.copysign(values.new_tensor(epsilon), values)


def is_zero(values: torch.Tensor) -> bool:
    """Whether there is nothing but zeros."""
    if values.numel() == 0:
        return True
    low, high = values.aminmax()
    return bool(low == 0) and bool(high == 0)
