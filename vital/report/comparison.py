"""Runs against each other: how their metrics differ, how sure that is, and how they look."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vital.artefacts.columns import METHOD, NAME, UNIT
from vital.artefacts.scores import (
    AGAINST,
    BASELINE,
    CLASSES,
    DIFFERENCE,
    HIGH,
    LOW,
    METRIC,
    SCORED,
    VALUE,
)
from vital.errors import ParamsError
from vital.params.score import ScoreParams
from vital.report.figures.grid import ImageGrid, draw_image_grid
from vital.report.figures.style import Draw
from vital.report.runs import Run
from vital.runtime.seeds import derive_seed
from vital.scoring.bootstrap import Interval, paired_difference
from vital.scoring.metrics.record import DEVIATION_SUFFIX
from vital.scoring.metrics.registry import VERDICTS
from vital.units import Unit

RESAMPLES = ScoreParams().resamples
CONFIDENCE = ScoreParams().confidence
"""The defaults of the score stage, since runs may have asked for different ones."""

COLUMNS = [
    METHOD, METRIC, "run", BASELINE, VALUE, "reference", DIFFERENCE, LOW, HIGH, CLASSES,
]  # fmt: skip


def compare_runs(
    runs: Sequence[Run], resamples: int = RESAMPLES, confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """Each later run minus the first: a row of :data:`COLUMNS` per method and metric of both.

    ``value`` and ``reference`` are the two metrics. Where both runs have the metric's values for
    single images, ``difference`` is the mean over the ``n_classes`` classes that both have, and
    ``low`` and ``high`` are its bootstrap interval over these classes, drawn with the first run's
    seed; classes are paired by name. Elsewhere it is that of the two metrics, without an interval.

    Raises ParamsError for fewer than two runs.
    """
    if len(runs) < 2:
        raise ParamsError(f"a comparison needs at least two runs; {len(runs)} was given")
    first = runs[0]
    seed = derive_seed(first.seed, "compare", "bootstrap")
    rows = []
    for run in runs[1:]:
        for method in [name for name in run.metrics if name in first.metrics]:
            for metric in _shared_metrics(run, first, method):
                value, reference = run.metrics[method][metric], first.metrics[method][metric]
                found = _paired(run, first, method, metric, resamples, confidence, seed)
                if found is None:
                    found = Interval(_difference(value, reference), None, None, 0)
                bounds = (found.mean, found.low, found.high, found.n)
                rows.append([method, metric, run.name, first.name, value, reference, *bounds])
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(COLUMNS[4:9], float))


def _shared_metrics(run: Run, first: Run, method: str) -> list[str]:
    theirs = first.metrics[method]
    return [name for name in run.metrics[method] if name in theirs and not _is_left_out(name)]


def _is_left_out(metric: str) -> bool:
    """Whether it is a count or another metric's deviation."""
    return metric in (SCORED, AGAINST) or metric.endswith(DEVIATION_SUFFIX)


def _difference(value: float | None, reference: float | None) -> float:
    return float("nan") if value is None or reference is None else value - reference


def _paired(
    run: Run, first: Run, method: str, metric: str, resamples: int, confidence: float, seed: int
) -> Interval | None:
    """The difference over the classes of both, or None where one lacks values for them."""
    ours, theirs = (class_means(one, method, metric) for one in (run, first))
    if ours is None or theirs is None:
        return None
    ours, theirs = ours.align(theirs, join="inner")
    found = paired_difference(
        ours.to_numpy(float), theirs.to_numpy(float), resamples, confidence, seed
    )
    return found if found.n else None


def class_means(run: Run, method: str, metric: str) -> pd.Series | None:
    """A metric's mean over each class's images, by the class's name and its number among those.

    Several classes of a network may have one name; they are numbered in the network's order. None
    where the run has no values of single images.
    """
    column = VERDICTS.get(metric, metric)
    if column not in run.targets:
        return None
    rows = run.targets[run.targets[METHOD] == method]
    means: pd.Series = rows[column].astype(float).groupby([rows[NAME], rows[UNIT]]).mean()
    number = means.groupby(level=NAME).cumcount()
    means.index = pd.MultiIndex.from_arrays([means.index.get_level_values(NAME), number])
    return means


def draw_comparison(runs: Sequence[Run], method: str, wanted: Sequence[Unit]) -> Draw:
    """Images side by side: a row per class of the first run, a column per run.

    Classes are paired by name as in :func:`class_means`; a class that a run lacks leaves a frame.
    Raises ParamsError for a method of which the first run has no images.
    """
    runs[0].check_method(method)
    pairs = [_numbered(run.classes) for run in runs]
    places = {unit: key for key, unit in pairs[0].items()}
    cells = [
        [
            _image(run, units.get(places[unit]), method)
            for run, units in zip(runs, pairs, strict=True)
        ]
        for unit in wanted
    ]
    grid = ImageGrid([unit.name for unit in wanted], [run.name for run in runs], cells)
    return draw_image_grid(grid)


def _numbered(classes: Sequence[Unit]) -> dict[tuple[str, int], Unit]:
    names = pd.Series([unit.name for unit in classes])
    numbers = names.groupby(names).cumcount()
    return {(unit.name, int(number)): unit for unit, number in zip(classes, numbers, strict=True)}


def _image(run: Run, unit: Unit | None, method: str) -> Path | None:
    return None if unit is None else run.first_image(unit.id, method)
