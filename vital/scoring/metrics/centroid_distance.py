"""How far an image lies from the real ones of its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vital.scoring.metrics.record import CLASSIFIERS, ImageMetric

if TYPE_CHECKING:
    import torch

    from vital.scoring.seen import Seen, Settings


def centroid_distances(
    features: torch.Tensor, labels: torch.Tensor, real: torch.Tensor, real_labels: torch.Tensor
) -> torch.Tensor:
    """Distance of each feature (N, D) to its class's centroid over the class's own spread, (N,).

    Centroid and spread (root mean squared distance to it) are those of the real features (M, D) of
    the class. 1 is where a typical real image lies. NaN for a class without two different ones.
    """
    import torch

    distances = torch.full((len(features),), float("nan"), dtype=torch.float64)
    for label in sorted(set(labels.tolist())):
        members = real[real_labels == label].double()
        if len(members) < 2:
            continue
        centroid = members.mean(dim=0)
        spread = (members - centroid).square().sum(dim=1).mean().sqrt()
        mine = labels == label
        if spread > 0:
            distances[mine] = (features[mine].double() - centroid).norm(dim=1) / spread
    return distances


def _of_features(scored: Seen, against: Seen, _: Settings) -> torch.Tensor:
    return centroid_distances(scored.features, scored.labels, against.features, against.labels)


CENTROID_DISTANCE = ImageMetric(
    key="centroid_distance",
    label="Centroid distance",
    meaning="How far an image's features lie from the centre of its class's photographs, in units "
    "of their own spread: 1 is where a typical photograph lies.",
    networks=CLASSIFIERS,
    better="lower",
    needs="two real images of a class that differ to the network",
    compute=_of_features,
)
