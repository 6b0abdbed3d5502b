"""Metrics per method: what all views say of one set of images."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from vital.scoring.image_sets import ImageSet
from vital.scoring.observer import Missing, Seen, View

log = logging.getLogger(__name__)

_NEEDS = {
    "centroid_distance": "two real images of a class",
    "diversity": "two images of a class",
    "frechet": "two images",
    "fid": "two images",
    "cmmd": "two images",
    "kid": "four images",
    "kid_std": "four images",
}
"""What metrics need that can lack images, by the end of their names."""


@dataclass
class MethodScores:
    """The metrics of one set of images; those that are null have a reason.

    ``values`` has a row per image and a column per metric that is a mean over images; ``classes``
    a row per class, the mean of its images.
    """

    values: pd.DataFrame
    classes: pd.DataFrame
    metrics: dict[str, float | int | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, value: float | None) -> None:
        """Take a metric up, as null where it is none."""
        if value is None or not math.isfinite(value):
            self.metrics[name] = None
            self.reasons[name] = f"it needs {_need(name)}"
        else:
            self.metrics[name] = round(value, 6)

    def leave_out(self, missing: Missing) -> None:
        """Note metrics that no view contributes."""
        self.metrics.update(dict.fromkeys(missing.metrics))
        self.reasons.update(dict.fromkeys(missing.metrics, missing.reason))


def score_set(
    views: Mapping[str, View],
    scored: ImageSet,
    seen: Mapping[str, Seen],
    against: Mapping[str, Seen],
    missing: Iterable[Missing],
) -> MethodScores:
    """The metrics of one set of images, as each view has ``seen`` it, against the real ones."""
    measured = {view: view.measure(seen[name], against[name]) for name, view in views.items()}
    values = pd.DataFrame(
        {
            view.prefix + name: value.numpy()
            for view, found in measured.items()
            for name, value in found.per_image.items()
        }
    )
    classes = values.astype(float).groupby(scored.table["unit"].to_numpy()).mean()
    result = MethodScores(values, classes)
    for column in values:
        result.add(str(column), float(values[column].mean()))
    for view, found in measured.items():
        for name, value in found.per_set.items():
            result.add(view.prefix + name, value)
    for absent in missing:
        result.leave_out(absent)
    return result


def warn_of_nulls(scores: Mapping[str, MethodScores]) -> None:
    """Say once per reason which metrics could not be computed."""
    told: dict[str, list[str]] = {}
    for one in scores.values():
        for name, reason in one.reasons.items():
            names = told.setdefault(reason, [])
            names += [name] if name not in names else []
    for reason, names in told.items():
        log.warning("%s could not be computed: %s", ", ".join(names), reason)


def _need(name: str) -> str:
    ends = [end for end in _NEEDS if name.endswith(end)]
    return _NEEDS[max(ends, key=len)] if ends else "images"
