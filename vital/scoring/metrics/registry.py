"""All metrics.

A new one takes a module beside this one with its record, a line here and a row in docs/metrics.md.
Modules of metrics never import this one.
"""

from __future__ import annotations

from vital.scoring.metrics.agreement import (
    ACCURACY_TOP1,
    ACCURACY_TOP5,
    ZEROSHOT_TOP1,
    ZEROSHOT_TOP5,
)
from vital.scoring.metrics.centroid_distance import CENTROID_DISTANCE
from vital.scoring.metrics.cmmd import CMMD
from vital.scoring.metrics.diversity import DIVERSITY
from vital.scoring.metrics.frechet import FID, FRECHET
from vital.scoring.metrics.kernel import INCEPTION_KID, KID
from vital.scoring.metrics.nearest import KNN_ACCURACY
from vital.scoring.metrics.record import ImageMetric, Network, SetMetric

METRICS: tuple[ImageMetric | SetMetric, ...] = (
    ACCURACY_TOP1,
    ACCURACY_TOP5,
    FRECHET,
    KID,
    CENTROID_DISTANCE,
    KNN_ACCURACY,
    DIVERSITY,
    ZEROSHOT_TOP1,
    ZEROSHOT_TOP5,
    CMMD,
    FID,
    INCEPTION_KID,
)
"""In the order of the tables."""

VERDICTS = {
    metric.key: metric.column
    for metric in METRICS
    if isinstance(metric, ImageMetric) and metric.column
}
"""What the table of single images calls metrics of the studied network, where not by their keys."""


def image_metrics(network: Network) -> list[ImageMetric]:
    """The metrics of single images that are of such a network."""
    return [one for one in METRICS if isinstance(one, ImageMetric) and network in one.networks]


def set_metrics(network: Network) -> list[SetMetric]:
    """The metrics of whole sets that are of such a network."""
    return [one for one in METRICS if isinstance(one, SetMetric) and network in one.networks]


def keys_of(network: Network) -> tuple[str, ...]:
    """The names of all numbers that such a network's metrics have."""
    return tuple(key for one in METRICS if network in one.networks for key in one.keys)
