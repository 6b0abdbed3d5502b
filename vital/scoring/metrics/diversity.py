"""How much the images of one unit, made from different seeds, differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vital.scoring.metrics.record import ImageMetric, Network

if TYPE_CHECKING:
    import torch

    from vital.scoring.seen import Seen, Settings


def distances_within(features: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean Euclidean distance of each feature (N, D) to the others of its label, (N,).

    The mean over the images of a label is the mean distance of its pairs. NaN for an image that is
    the only one of its label.
    """
    import torch

    distances = torch.full((len(features),), float("nan"), dtype=torch.float64)
    for label in sorted(set(labels.tolist())):
        mine = labels == label
        members = features[mine].double()
        if len(members) > 1:
            pairs = torch.cdist(members, members, compute_mode="donot_use_mm_for_euclid_dist")
            distances[mine] = pairs.sum(dim=1) / (len(members) - 1)
    return distances


def _of_features(scored: Seen, _against: Seen, _settings: Settings) -> torch.Tensor:
    return distances_within(scored.features, scored.labels)


DIVERSITY = ImageMetric(
    key="diversity",
    label="Diversity",
    meaning="Mean distance between the features of a class's images of different seeds: to be "
    "compared with that of real photographs.",
    networks=(Network.STUDIED,),
    needs="two images of a class",
    compute=_of_features,
)
