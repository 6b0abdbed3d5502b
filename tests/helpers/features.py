"""Features drawn at random, and a slow definition of how far two sets of them differ."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch


def draw(rows: int, columns: int, seed: int) -> torch.Tensor:
    """Normally distributed features, (rows, columns)."""
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def slow_mmd(
    one: np.ndarray, other: np.ndarray, kernel: Callable[[np.ndarray, np.ndarray], float]
) -> float:
    """Unbiased squared maximum mean discrepancy, pair by pair."""

    def within(rows: np.ndarray) -> float:
        pairs = [(i, j) for i in range(len(rows)) for j in range(len(rows)) if i != j]
        return sum(kernel(rows[i], rows[j]) for i, j in pairs) / len(pairs)

    across = np.mean([[kernel(a, b) for b in other] for a in one])
    return within(one) + within(other) - 2 * float(across)
