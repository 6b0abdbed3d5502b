"""What the real images nearest to an image are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vital.scoring.metrics.record import ImageMetric, Network

if TYPE_CHECKING:
    import torch

    from vital.scoring.seen import Seen, Settings

_ROWS = 512
"""So many features' distances to all real ones are in memory at once."""

_CANDIDATES = 4
"""How many candidates there are for each of the nearest."""


def nearest_label(
    features: torch.Tensor, real: torch.Tensor, real_labels: torch.Tensor, neighbours: int
) -> torch.Tensor:
    """The commonest label among each feature's nearest real features (M, D): (N, D) to (N,).

    Of labels that are equally common, that of the nearest one wins. With fewer than ``neighbours``
    real features, all of them count.
    """
    import torch

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
    import torch

    roughly = torch.cdist(features, real, compute_mode="use_mm_for_euclid_dist")
    shortlist = roughly.topk(min(_CANDIDATES * count, len(real)), largest=False).indices
    places = shortlist.sort(dim=1).values
    exactly = torch.stack(
        [(real[some] - one).square().sum(dim=1) for one, some in zip(features, places, strict=True)]
    )
    order = exactly.argsort(dim=1, stable=True)[:, :count]
    return places.gather(1, order)


def voted_labels(scored: Seen, against: Seen, settings: Settings) -> torch.Tensor:
    """The class that each image's nearest real images vote for, (N,)."""
    count = settings.params.neighbours
    return nearest_label(scored.features, against.features, against.labels, count)


def _agrees(scored: Seen, against: Seen, settings: Settings) -> torch.Tensor:
    return voted_labels(scored, against, settings) == scored.labels


KNN_ACCURACY = ImageMetric(
    key="knn_accuracy",
    label="Nearest neighbours",
    meaning="Share of images whose nearest photographs, by the network's features, are mostly of "
    "its class.",
    networks=(Network.STUDIED,),
    better="higher",
    is_share=True,
    compute=_agrees,
    column="knn_top1",
)
