"""Quantile functions and statistics, made and compared."""

from __future__ import annotations

import numpy as np

from vital.references.quantiles import TapStatistics


def random_quantiles(channels: int, positions: int, power: float = 1.0) -> np.ndarray:
    """Quantile functions, (C, D), with tails that a power above one makes heavier."""
    draws = np.random.default_rng(positions)
    values = draws.normal(size=(channels, positions))
    tailed = np.sign(values) * np.abs(values) ** power
    return np.sort(tailed.astype(np.float32), axis=1)


def relative_error(exact: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """2-Wasserstein distance over the standard deviation, per channel."""
    distance = np.sqrt(np.mean((exact - kept).astype(np.float64) ** 2, axis=1))
    return distance / exact.std(axis=1, dtype=np.float64)


def assert_close(one: TapStatistics, other: TapStatistics, tolerance: float) -> None:
    """Check that two statistics are of as many images, and differ by no more than a tolerance."""
    for name in ("quantiles", "mean", "std", "importance"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=tolerance, rtol=0)
    assert one.n_images == other.n_images
