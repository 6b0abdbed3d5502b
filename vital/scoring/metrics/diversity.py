"""How much the images of one unit, made from different seeds, differ."""

from __future__ import annotations

import torch


def distances_within(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean Euclidean distance of each feature (N, D) to the others of its label, (N,).

    The mean over the images of a label is the mean distance of its pairs. NaN for an image that is
    the only one of its label.
    """
    distances = torch.full((len(features),), float("nan"), dtype=torch.float64)
    for label in sorted(set(labels.tolist())):
        mine = labels == label
        members = features[mine].double()
        if len(members) > 1:
            pairs = torch.cdist(members, members, compute_mode="donot_use_mm_for_euclid_dist")
            distances[mine] = pairs.sum(dim=1) / (len(members) - 1)
    return distances
