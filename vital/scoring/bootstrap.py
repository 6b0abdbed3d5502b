"""Confidence intervals by bootstrap over classes (percentile method)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A mean over ``n`` classes and where it may lie; no bounds with fewer than two classes."""

    mean: float
    low: float | None
    high: float | None
    n: int


def resampled_means(values: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Means of ``samples`` draws, with replacement, of the classes whose ``values`` (C,) are given.

    (samples,). The same seed and number of classes draw the same classes, whatever their values.
    """
    return np.asarray(times_drawn(len(values), samples, seed) @ values / len(values))


@lru_cache(maxsize=2)
def times_drawn(count: int, samples: int, seed: int) -> np.ndarray:
    """How often each of ``count`` classes is drawn in each sample, (samples, count).

    Kept, as every metric and method is resampled over the same classes.
    """
    shares = np.full(count, 1 / count)
    drawn = np.random.default_rng(seed).multinomial(count, shares, size=samples).astype(float)
    drawn.flags.writeable = False
    return drawn


def mean_interval(values: np.ndarray, samples: int, confidence: float, seed: int) -> Interval:
    """The mean of (C,) values and its percentile interval; values that are NaN are left out."""
    known = values[~np.isnan(values)].astype(float)
    if not len(known):
        return Interval(float("nan"), None, None, 0)
    mean = float(known.mean())
    if len(known) < 2:
        return Interval(mean, None, None, len(known))
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled_means(known, samples, seed), [tail, 1 - tail])
    return Interval(mean, float(low), float(high), len(known))


def paired_difference(
    ours: np.ndarray, theirs: np.ndarray, samples: int, confidence: float, seed: int
) -> Interval:
    """The interval of mean(ours) - mean(theirs), both over the same resampled classes.

    ``ours`` and ``theirs`` (C,) hold a value per class in the same order; a class that either lacks
    (NaN) is left out. The difference of means over the same classes is the mean difference.
    """
    return mean_interval(ours - theirs, samples, confidence, seed)
