"""Kernel inception distance: unbiased squared MMD with a cubic kernel, over random subsets."""

from __future__ import annotations

import numpy as np
import torch


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
    distances = [
        _squared_mmd(
            ours[draws.choice(len(ours), size, replace=False)],
            theirs[draws.choice(len(theirs), size, replace=False)],
        )
        for _ in range(subsets)
    ]
    return float(np.mean(distances)), float(np.std(distances))


def _squared_mmd(ours: np.ndarray, theirs: np.ndarray) -> float:
    """The unbiased estimate for two sets of as many rows, (size, D) each."""
    within = _mean_of_pairs(_kernel(ours, ours)) + _mean_of_pairs(_kernel(theirs, theirs))
    return float(within - 2 * _kernel(ours, theirs).mean())


def _mean_of_pairs(kernel: np.ndarray) -> float:
    """The mean of a kernel's matrix (size, size) over pairs of different rows."""
    size = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (size * (size - 1)))


def _kernel(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """(a b / D + 1)^3 of every row a (size, D) with every row b (size, D)."""
    kernel: np.ndarray = (ours @ theirs.T / ours.shape[1] + 1.0) ** 3
    return kernel
