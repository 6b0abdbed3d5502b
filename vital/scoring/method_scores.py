"""Metrics per method: what all observers say of one set of images."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pandas as pd

from vital.artefacts.columns import UNIT
from vital.errors import ModelError
from vital.scoring.observer import Measured, Missing, ObservedSet, Observer

log = logging.getLogger(__name__)


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

    def add(self, name: str, value: float | None, reason: str) -> None:
        """Take a metric up, as null for this ``reason`` where it is none."""
        if value is None or not math.isfinite(value):
            self.metrics[name] = None
            self.reasons[name] = reason
        else:
            self.metrics[name] = round(value, 6)

    def leave_out(self, missing: Missing) -> None:
        """Note metrics that no observer contributes."""
        self.metrics.update(dict.fromkeys(missing.metrics))
        self.reasons.update(dict.fromkeys(missing.metrics, missing.reason))


def score_set(
    observers: Mapping[str, Observer],
    scored: ObservedSet,
    against: ObservedSet,
    missing: Iterable[Missing],
) -> MethodScores:
    """The metrics of one set of images, as each observer sees it, against the real ones.

    They are null for an observer that sees nothing finite in one of the images.
    """
    measured = [_measured(observer, name, scored, against) for name, observer in observers.items()]
    values = pd.DataFrame(
        {name: value.numpy() for found in measured for name, value in found.per_image.items()}
    )
    classes = values.astype(float).groupby(scored.images.rows[UNIT].to_numpy()).mean()
    result = MethodScores(values, classes)
    for found in measured:
        for name in found.per_image:
            result.add(name, float(values[name].mean()), found.reasons[name])
    for found in measured:
        for name, value in found.per_set.items():
            result.add(name, value, found.reasons[name])
    for absent in missing:
        result.leave_out(absent)
    return result


def _measured(observer: Observer, name: str, scored: ObservedSet, against: ObservedSet) -> Measured:
    try:
        for one in (scored, against):
            one.check(name)
    except ModelError as error:
        return observer.measure_nothing(len(scored.images), str(error))
    return observer.measure(scored.seen[name], against.seen[name])


def warn_of_nulls(scores: Mapping[str, MethodScores]) -> None:
    """Say once per reason which metrics could not be computed."""
    told: dict[str, list[str]] = {}
    for one in scores.values():
        for name, reason in one.reasons.items():
            names = told.setdefault(reason, [])
            names += [name] if name not in names else []
    for reason, names in told.items():
        log.warning("%s could not be computed: %s", ", ".join(names), reason)
