"""Fréchet distance between two sets of features (FID where they are Inception-v3's)."""

from __future__ import annotations

import torch
from torch_fidelity.metric_fid import (
    KEY_METRIC_FID,
    fid_features_to_statistics,
    fid_statistics_to_metric,
)


def frechet_distance(features: torch.Tensor, reference: torch.Tensor) -> float | None:
    """Fréchet distance of two Gaussians fitted to (N, D) and (M, D) features.

    It depends on N and M, so compare values of equal N and M only. None with fewer than two rows.
    """
    if len(features) < 2 or len(reference) < 2:
        return None
    ours, theirs = (
        fid_features_to_statistics(values.detach().cpu().double())
        for values in (features, reference)
    )
    return float(fid_statistics_to_metric(ours, theirs, False)[KEY_METRIC_FID])
