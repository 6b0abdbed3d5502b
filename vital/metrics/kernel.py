"""Kernel inception distance: unbiased squared MMD with a cubic kernel, over random subsets."""

from __future__ import annotations

import torch
from torch_fidelity.metric_kid import (
    KEY_METRIC_KID_MEAN,
    KEY_METRIC_KID_STD,
    kid_features_to_metric,
)


def kernel_distance(
    features: torch.Tensor, reference: torch.Tensor, subsets: int, seed: int
) -> tuple[float, float] | tuple[None, None]:
    """Mean and standard deviation over ``subsets`` of half the smaller set, (N, D) and (M, D).

    None with fewer than four rows, where a subset would be a single image.
    """
    size = min(len(features), len(reference)) // 2
    if size < 2:
        return None, None
    result = kid_features_to_metric(
        features.detach().cpu().double(),
        reference.detach().cpu().double(),
        kid_subsets=subsets,
        kid_subset_size=size,
        rng_seed=seed % 2**32,
        verbose=False,
    )
    return float(result[KEY_METRIC_KID_MEAN]), float(result[KEY_METRIC_KID_STD])
