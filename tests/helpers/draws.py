"""Random numbers that repeat."""

from __future__ import annotations

import torch


def draws(seed: int = 0) -> torch.Generator:
    """A generator on the CPU."""
    return torch.Generator().manual_seed(seed)
