"""What the report calls metrics, whose they are, and the order that they stand in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from vital.artefacts.scores import AGAINST, SCORED
from vital.scoring.metrics.record import JUDGE_PREFIX, Metric, Network
from vital.scoring.metrics.registry import METRICS, VERDICTS

OWN = "In the studied network"

_GROUPS = {
    Network.STUDIED: OWN,
    Network.CLIP: "In CLIP",
    Network.INCEPTION: "In Inception-v3",
}
"""By the first of a metric's networks; judges have a group each."""

_OTHERS, _COUNTS = "Others", "Counts"
_LAST_GROUPS = (_GROUPS[Network.CLIP], _GROUPS[Network.INCEPTION], _OTHERS, _COUNTS)


@dataclass(frozen=True)
class MetricText:
    """One metric: a row of the scores, or a number by which classes are sorted.

    ``better`` is "higher", "lower" or empty; ``group`` says whose features and verdicts it is of.
    """

    key: str
    label: str
    meaning: str = ""
    better: str = ""
    is_share: bool = False
    group: str = OWN


def _text(metric: Metric) -> MetricText:
    group = _GROUPS.get(metric.networks[0], OWN)
    return MetricText(
        metric.key, metric.label, metric.meaning, metric.better, metric.is_share, group
    )


TEXTS = (
    *map(_text, METRICS),
    MetricText(SCORED, "N", "Images that were scored.", group=_COUNTS),
    MetricText(AGAINST, "M", "Held-out photographs that they were scored against.", group=_COUNTS),
)
"""Of known metrics, in the order of the table."""

_BY_KEY = {text.key: text for text in TEXTS}
_OF_AN_IMAGE = {column: key for key, column in VERDICTS.items()}

_OF_A_JUDGE = re.compile(
    rf"{JUDGE_PREFIX}(?P<judge>.+?)_(?P<key>{'|'.join([*_BY_KEY, *_OF_AN_IMAGE])})", re.DOTALL
)


def described(key: str) -> MetricText:
    """The text of the metric of this key; one that is not known goes by its key."""
    known = _BY_KEY.get(_OF_AN_IMAGE.get(key, key))
    if known is not None:
        return known
    judged = _OF_A_JUDGE.fullmatch(key)
    if judged is not None:
        group = f"In {judged['judge']}, which no method optimised"
        return replace(described(judged["key"]), key=key, meaning="", group=group)
    return MetricText(key, key, group=_OTHERS)


def in_order(keys: Iterable[str]) -> list[MetricText]:
    """The texts for these keys by group: the studied network, judges by name, all others."""
    return sorted(map(described, keys), key=_place)


def _place(text: MetricText) -> tuple[int, str, int, str]:
    if text.group == OWN:
        turn = 0
    elif text.group in _LAST_GROUPS:
        turn = 2 + _LAST_GROUPS.index(text.group)
    else:
        turn = 1
    judged = _OF_A_JUDGE.fullmatch(text.key)
    key = judged["key"] if judged else text.key
    known = list(_BY_KEY)
    return turn, text.group, known.index(key) if key in _BY_KEY else len(known), text.key
