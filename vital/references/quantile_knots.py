"""Quantile functions kept by some of their values: dense at the tails, where they are steep.

Knot k of K lies at the share ``(1 - cos(pi k / (K - 1))) / 2`` of the way from the smallest value
to the greatest; in between a function is read off by linear interpolation. Evenly spaced knots
would miss the tails, in which much of the distance between distributions of activations lies.
"""

from __future__ import annotations

import numpy as np


def at_knots(quantiles: np.ndarray, count: int) -> np.ndarray:
    """Sorted values (C, D) at ``count`` knots, (C, count); unchanged where D is no more."""
    positions = quantiles.shape[1]
    if positions <= count:
        return quantiles
    wanted = _places(count) * (positions - 1)
    return _interpolated(quantiles, np.arange(positions, dtype=np.float64), wanted)


def from_knots(values: np.ndarray, positions: int) -> np.ndarray:
    """The sorted values (C, D) of ``positions`` D that knots (C, K) stand for."""
    count = values.shape[1]
    if count == positions:
        return values
    wanted = np.linspace(0.0, 1.0, positions)
    return _interpolated(values, _places(count), wanted)


def _places(count: int) -> np.ndarray:
    return (1 - np.cos(np.pi * np.arange(count) / (count - 1))) / 2


def _interpolated(values: np.ndarray, known: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Values (C, K) at ``known`` places (K,), read off at ``wanted`` places (D,)."""
    right = np.searchsorted(known, wanted).clip(1, len(known) - 1)
    left = right - 1
    share = ((wanted - known[left]) / (known[right] - known[left])).clip(0.0, 1.0)
    between = values[:, left] * (1 - share) + values[:, right] * share
    read: np.ndarray = between.astype(values.dtype)
    return read
