"""How sure the metrics are: intervals over classes, and differences between methods."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from vital.artefacts.scores import DIFFERENCES, INTERVALS
from vital.params.score import ScoreParams
from vital.runtime.seeds import derive_seed
from vital.scoring.bootstrap import Interval, mean_interval, paired_difference
from vital.scoring.method_scores import MethodScores


def interval_table(
    scored: Mapping[str, MethodScores], params: ScoreParams, seed: int
) -> pd.DataFrame:
    """For each metric that is a mean over images: the mean of its classes, and its interval."""
    rows = []
    for method, scores in scored.items():
        for metric, classes in scores.classes.items():
            found = mean_interval(
                classes.to_numpy(), params.resamples, params.confidence, _seed(seed)
            )
            images = int(scores.values[metric].notna().sum())
            rows.append([metric, method, *_numbers(found), images, found.n])
    return pd.DataFrame(rows, columns=list(INTERVALS.columns))


def difference_table(
    scored: Mapping[str, MethodScores], method: str, params: ScoreParams, seed: int
) -> pd.DataFrame:
    """``method`` minus each other method, over the classes that both have images of.

    No rows where ``method`` is not among them.
    """
    rows = []
    for other in [name for name in scored if name != method and method in scored]:
        ours, theirs = scored[method].classes.align(scored[other].classes, join="inner")
        for metric in ours:
            found = paired_difference(
                ours[metric].to_numpy(),
                theirs[metric].to_numpy(),
                params.resamples,
                params.confidence,
                _seed(seed),
            )
            rows.append([metric, method, other, *_numbers(found), found.n])
    return pd.DataFrame(rows, columns=list(DIFFERENCES.columns))


def _seed(seed: int) -> int:
    """The same for all: every metric and method is resampled over the same classes."""
    return derive_seed(seed, "score", "bootstrap")


def _numbers(found: Interval) -> list[float]:
    """Mean, low and high; NaN where there is none."""
    bounds = (np.nan if bound is None else bound for bound in (found.low, found.high))
    return [round(value, 6) for value in (found.mean, *bounds)]
