"""Where visualizations lie among real images: t-SNE, and numbers for what the picture shows."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.manifold import TSNE

_ROWS = 512
"""So many features' distances to all real ones are in memory at once."""

_CANDIDATES = 4
"""How many candidates there are for each of the nearest."""


def tsne(features: torch.Tensor, perplexity: float, seed: int) -> np.ndarray:
    """Two-dimensional t-SNE of (N, D) features, (N, 2).

    The perplexity is lowered where there are too few images for it. Features that are all the same
    lie at the origin.
    """
    values = features.detach().cpu().double().numpy()
    if not np.ptp(values, axis=0).any():  # scikit-learn divides by their spread, and crashes
        return np.zeros((len(values), 2))
    allowed = min(perplexity, max(1.0, (len(features) - 1) / 3))
    model = TSNE(perplexity=allowed, init="pca", random_state=seed % 2**32, n_jobs=1)
    return np.asarray(model.fit_transform(values))


def centroid_distances(
    features: torch.Tensor, labels: torch.Tensor, real: torch.Tensor, real_labels: torch.Tensor
) -> torch.Tensor:
    """Distance of each feature (N, D) to its class's centroid over the class's own spread, (N,).

    Centroid and spread (root mean squared distance to it) are those of the real features (M, D) of
    the class. 1 is where a typical real image lies. NaN for a class of fewer than two real images.
    """
    distances = torch.full((len(features),), float("nan"), dtype=torch.float64)
    for label in sorted(set(labels.tolist())):
        members = real[real_labels == label].double()
        if len(members) < 2:
            continue
        centroid = members.mean(dim=0)
        spread = (members - centroid).square().sum(dim=1).mean().sqrt()
        mine = labels == label
        distances[mine] = (features[mine].double() - centroid).norm(dim=1) / spread
    return distances


def nearest_label(
    features: torch.Tensor, real: torch.Tensor, real_labels: torch.Tensor, neighbours: int
) -> torch.Tensor:
    """The commonest label among each feature's nearest real features (M, D): (N, D) to (N,).

    Of labels that are equally common, that of the nearest one wins. With fewer than ``neighbours``
    real features, all of them count.
    """
    theirs = real.double()
    nearest = [_nearest(rows.double(), theirs, neighbours) for rows in torch.split(features, _ROWS)]
    labels = real_labels[torch.cat(nearest)]  # (N, k), the nearest first
    votes = (labels[:, :, None] == labels[:, None, :]).sum(dim=2)
    first = votes.argmax(dim=1, keepdim=True)  # the nearest of those with the most votes
    return labels.gather(1, first).squeeze(1)


def _nearest(features: torch.Tensor, real: torch.Tensor, count: int) -> torch.Tensor:
    """The places of the nearest real features, (N, count): the nearest first.

    Products of matrices, which are fast, find candidates; the distances of those are exact, and
    of equally near ones the first comes first.
    """
    roughly = torch.cdist(features, real, compute_mode="use_mm_for_euclid_dist")
    shortlist = roughly.topk(min(_CANDIDATES * count, len(real)), largest=False).indices
    places = shortlist.sort(dim=1).values
    exactly = torch.stack(
        [(real[some] - one).square().sum(dim=1) for one, some in zip(features, places, strict=True)]
    )
    order = exactly.argsort(dim=1, stable=True)[:, :count]
    return places.gather(1, order)
