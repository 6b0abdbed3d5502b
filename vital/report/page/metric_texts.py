"""What metrics are called, what they mean, and which way is better."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from vital.artefacts.scores import VERDICTS

OWN = "In the studied network"


@dataclass(frozen=True)
class Metric:
    """One metric: a row of the scores, or a number by which classes are sorted.

    ``better`` is "higher", "lower" or empty; ``group`` says whose features and verdicts it is of.
    """

    key: str
    label: str
    meaning: str = ""
    better: str = ""
    is_share: bool = False
    group: str = OWN


METRICS = (
    Metric(
        "accuracy_top1", "Top-1", "Share of images that the network assigns to the class they "
        "stand for.", "higher", is_share=True,
    ),
    Metric(
        "accuracy_top5", "Top-5", "Share of images whose class is among the network's five "
        "likeliest.", "higher", is_share=True,
    ),
    Metric(
        "frechet", "Fréchet distance", "Distance between two Gaussians, one fitted to the "
        "network's features of these N images and one to those of M held-out photographs. It "
        "falls with N, so compare sets of equal N only.", "lower",
    ),
    Metric(
        "kid", "KID", "Kernel distance between the same two sets of features, without bias, so "
        "that it can fall slightly below zero; ± its deviation over random subsets.", "lower",
    ),
    Metric(
        "centroid_distance", "Centroid distance", "How far an image's features lie from the "
        "centre of its class's photographs, in units of their own spread: 1 is where a typical "
        "photograph lies.", "lower",
    ),
    Metric(
        "knn_accuracy", "Nearest neighbours", "Share of images whose nearest photographs, by the "
        "network's features, are mostly of its class.", "higher", is_share=True,
    ),
    Metric(
        "diversity", "Diversity", "Mean distance between the features of a class's images of "
        "different seeds: to be compared with that of real photographs.",
    ),
    Metric(
        "zeroshot_top1", "Zero-shot top-1", "Share of images whose class name is the likeliest to "
        "CLIP, of all class names.", "higher", is_share=True, group="In CLIP",
    ),
    Metric(
        "zeroshot_top5", "Zero-shot top-5", "Share of images whose class name is among the five "
        "likeliest to CLIP.", "higher", is_share=True, group="In CLIP",
    ),
    Metric(
        "cmmd", "CMMD", "Kernel distance between the two sets in CLIP's features, times 1000.",
        "lower", group="In CLIP",
    ),
    Metric(
        "fid", "FID", "The Fréchet distance in Inception-v3's features.", "lower",
        group="In Inception-v3",
    ),
    Metric(
        "inception_kid", "KID (Inception)", "KID in the same features.", "lower",
        group="In Inception-v3",
    ),
    Metric("n", "N", "Images that were scored.", group="Counts"),
    Metric("m", "M", "Held-out photographs that they were scored against.", group="Counts"),
)  # fmt: skip
"""Known metrics in the order of the table."""

_BY_KEY = {metric.key: metric for metric in METRICS}
_OF_AN_IMAGE = {short: metric for metric, short in VERDICTS.items()}

_OF_A_JUDGE = re.compile(
    rf"transfer_(?P<judge>.+?)_(?P<key>{'|'.join([*_BY_KEY, *_OF_AN_IMAGE])})", re.DOTALL
)


def described(key: str) -> Metric:
    """The metric of this key; one that is not known goes by its key."""
    known = _BY_KEY.get(_OF_AN_IMAGE.get(key, key))
    if known is not None:
        return known
    judged = _OF_A_JUDGE.fullmatch(key)
    if judged is not None:
        group = f"In {judged['judge']}, which no method optimised"
        return replace(described(judged["key"]), key=key, meaning="", group=group)
    return Metric(key, key, group="Others")


_LAST_GROUPS = ("In CLIP", "In Inception-v3", "Others", "Counts")


def in_order(keys: Iterable[str]) -> list[Metric]:
    """The metrics of these keys by group: the studied network, judges by name, all others."""
    return sorted(map(described, keys), key=_place)


def _place(metric: Metric) -> tuple[int, str, int, str]:
    if metric.group == OWN:
        turn = 0
    elif metric.group in _LAST_GROUPS:
        turn = 2 + _LAST_GROUPS.index(metric.group)
    else:
        turn = 1
    judged = _OF_A_JUDGE.fullmatch(metric.key)
    key = judged["key"] if judged else metric.key
    known = list(_BY_KEY)
    return turn, metric.group, known.index(key) if key in _BY_KEY else len(known), metric.key
