"""Kernel inception distance: unbiased squared MMD with a cubic kernel, over random subsets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vital.scoring.metrics.record import CLASSIFIERS, Network, SetMetric

if TYPE_CHECKING:
    import torch

    from vital.scoring.seen import Seen, Settings

_ROWS = 512
"""So many rows of a kernel are in memory at once."""


def kernel_distance(
    features: torch.Tensor, reference: torch.Tensor, subsets: int, seed: int
) -> tuple[float, float] | tuple[None, None]:
    """Mean and standard deviation over ``subsets`` of half the smaller set, (N, D) and (M, D).

    The subsets are those that torch-fidelity draws from this seed (modulo 2^32). None with fewer
    than four rows, where a subset would be a single image.
    """
    size = min(len(features), len(reference)) // 2
    if size < 2:
        return None, None
    ours, theirs = (values.detach().cpu().double().numpy() for values in (features, reference))
    draws = np.random.RandomState(seed % 2**32)
    drawn = [
        [draws.choice(len(values), size, replace=False) for values in (ours, theirs)]
        for _ in range(subsets)
    ]
    first, second = np.array(drawn).swapaxes(0, 1)  # (subsets, size) each
    distances = (
        _means_of_pairs(ours, first)
        + _means_of_pairs(theirs, second)
        - 2 * _sums(ours, first, theirs, second) / size**2
    )
    return float(distances.mean()), float(distances.std())


def _means_of_pairs(values: np.ndarray, subsets: np.ndarray) -> np.ndarray:
    """The kernel's mean over pairs of different rows of (N, D), for each of (subsets, size)."""
    size = subsets.shape[1]
    own = _cubed(np.square(values).sum(axis=1) / values.shape[1] + 1.0)
    sums = _sums(values, subsets, values, subsets) - own[subsets].sum(axis=1)
    return np.asarray(sums / (size * (size - 1)))


def _sums(
    ours: np.ndarray, rows: np.ndarray, theirs: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """The kernel's sum over each subset's ``rows`` of (N, D) and ``columns`` of (M, D), (subsets,).

    Subsets overlap: the kernel of everything is computed once where that is less than theirs are.
    """
    width, count = ours.shape[1], len(rows)
    if rows.size * columns.shape[1] * width < len(ours) * len(theirs) * (width + count):
        alike = ours is theirs  # a product with itself takes BLAS half the time
        picked = ((ours[some], theirs[others]) for some, others in zip(rows, columns, strict=True))
        return np.array([_kernel(one, one if alike else other).sum() for one, other in picked])
    members, others = _members(rows, len(ours)), _members(columns, len(theirs))
    sums = np.zeros(len(rows))
    for first in range(0, len(ours), _ROWS):
        part = slice(first, first + _ROWS)
        sums += ((_kernel(ours[part], theirs) @ others) * members[part]).sum(axis=0)
    return sums


def _members(subsets: np.ndarray, count: int) -> np.ndarray:
    """1 where a row is in a subset (subsets, size), else 0: (count, subsets)."""
    members = np.zeros((count, len(subsets)))
    np.put_along_axis(members, subsets.T, 1.0, axis=0)
    return members


def _kernel(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(a b / D + 1)^3 of every row a (N, D) with every row b (M, D)."""
    return _cubed(ours @ theirs.T / ours.shape[1] + 1.0)


def _cubed(values: np.ndarray) -> np.ndarray:
    # NumPy takes powers other than squares by logarithms, which takes seven times as long.
    cubes: np.ndarray = values * values * values
    return cubes


def _of_features(
    scored: Seen, against: Seen, settings: Settings
) -> tuple[float, float] | tuple[None, None]:
    subsets, seed = settings.params.kid_subsets, settings.derive_seed("kid")
    return kernel_distance(scored.features, against.features, subsets, seed)


KID = SetMetric(
    key="kid",
    label="KID",
    meaning="Kernel distance between the same two sets of features, without bias, so that it can "
    "fall slightly below zero; ± its deviation over random subsets.",
    networks=CLASSIFIERS,
    better="lower",
    needs="four images",
    compute=_of_features,
    has_deviation=True,
)

INCEPTION_KID = SetMetric(
    key="inception_kid",
    label="KID (Inception)",
    meaning="KID in the same features.",
    networks=(Network.INCEPTION,),
    better="lower",
    needs="four images",
    compute=_of_features,
    has_deviation=True,
)
