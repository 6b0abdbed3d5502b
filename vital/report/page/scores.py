"""The report's tables of metrics: a column per method with intervals, and how methods differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from vital.artefacts.columns import METHOD
from vital.artefacts.project import Project
from vital.artefacts.scores import (
    BASELINE,
    DIFFERENCE,
    DIFFERENCES,
    HIGH,
    INTERVALS,
    LOW,
    METRIC,
    Metrics,
    read_reasons,
)
from vital.artefacts.visualizations import REAL, method_order
from vital.report.formatting import MINUS, percent, value_text
from vital.report.page.metric_texts import MetricText, described, in_order
from vital.scoring.metrics.record import DEVIATION_SUFFIX


@dataclass(frozen=True)
class Number:
    """A value as text, None where it is unknown, for the ``reason``; ``interval`` may be empty.

    ``verdict`` is "better" or "worse" where an interval of a difference leaves out 0.
    """

    text: str | None
    interval: str = ""
    reason: str = ""
    verdict: str = ""


@dataclass(frozen=True)
class MetricTable:
    """Groups of metrics, each a row of numbers under the columns' names; the last may be real."""

    columns: list[str]
    groups: list[tuple[str, list[tuple[MetricText, list[Number]]]]]
    ends_with_real: bool = False

    @property
    def metrics(self) -> list[MetricText]:
        """All of its metrics, in the order of the table."""
        return [metric for _, rows in self.groups for metric, _ in rows]


def score_table(project: Project, scores: Metrics) -> MetricTable | None:
    """A row per metric, a column per method and then one for real photographs."""
    if not scores:
        return None
    methods = sorted(scores, key=method_order)
    intervals = _intervals(project)
    reasons = read_reasons(project.scores)
    # A deviation stands in the cell of its metric.
    keys = {key for row in scores.values() for key in row if not key.endswith(DEVIATION_SUFFIX)}
    rows = [
        (
            metric,
            [
                _number(
                    metric,
                    scores[method],
                    intervals.get((metric.key, method)),
                    reasons.get(method, {}).get(metric.key, ""),
                )
                for method in methods
            ],
        )
        for metric in in_order(keys)
    ]
    names = ["real photographs" if method == REAL else method for method in methods]
    return MetricTable(names, list(_grouped(rows)), ends_with_real=REAL in scores)


def _intervals(project: Project) -> dict[tuple[str, str], tuple[float, float]]:
    columns = [METRIC, METHOD, LOW, HIGH]
    rows = INTERVALS.read_if_there(project.scores)[columns].dropna()
    return {
        (metric, method): (low, high)
        for metric, method, low, high in rows.itertuples(index=False, name=None)
    }


def _number(
    metric: MetricText, row: Mapping[str, Any], bounds: tuple[float, float] | None, reason: str
) -> Number:
    value, deviation = row.get(metric.key), row.get(f"{metric.key}{DEVIATION_SUFFIX}")
    if value is None:
        return Number(None, reason=reason)
    text = _text(metric, value)
    spread = "" if deviation is None else f" ± {deviation:.2g}"
    return Number(text + spread, "" if bounds is None else _interval(metric, *bounds))


def _text(metric: MetricText, value: float) -> str:
    return percent(value) if metric.is_share else value_text(value)


def _interval(metric: MetricText, low: float, high: float) -> str:
    ends = (_text(metric, end).removesuffix("\u202f%") for end in (low, high))
    return f"{next(ends)} to {next(ends)}"


def _grouped(
    rows: list[tuple[MetricText, list[Number]]],
) -> Iterator[tuple[str, list[tuple[MetricText, list[Number]]]]]:
    for group, members in groupby(rows, key=lambda row: row[0].group):
        yield group, list(members)


def difference_table(project: Project) -> MetricTable | None:
    """The studied method minus each other, with what is beyond chance marked; None without one."""
    table = DIFFERENCES.read_if_there(project.scores).dropna(subset=[DIFFERENCE])
    if table.empty:
        return None
    pairs = list(dict.fromkeys(zip(table[METHOD], table[BASELINE], strict=True)))
    pairs.sort(key=lambda pair: (pair[1] == REAL, pair[1]))
    found = {
        (row[METRIC], (row[METHOD], row[BASELINE])): _difference(row)
        for row in table.to_dict("records")
    }
    rows = [
        (metric, [found.get((metric.key, pair), Number(None)) for pair in pairs])
        for metric in in_order(set(table[METRIC]))
    ]
    names = [f"{method} {MINUS} {against}" for method, against in pairs]
    return MetricTable(names, list(_grouped(rows)))


def _difference(row: Mapping[Any, Any]) -> Number:
    metric = described(str(row[METRIC]))
    low, high = float(row[LOW]), float(row[HIGH])
    text = _signed(metric, float(row[DIFFERENCE]))
    if math.isnan(low) or math.isnan(high):
        return Number(text)
    is_clear = low > 0 or high < 0
    verdict = ""
    if is_clear and metric.better:
        verdict = "better" if (low > 0) == (metric.better == "higher") else "worse"
    return Number(text, f"{_signed(metric, low)} to {_signed(metric, high)}", verdict=verdict)


def _signed(metric: MetricText, value: float) -> str:
    """With its sign, which rounding to 0 does not take away; of shares in percentage points."""
    size = f"{100 * abs(value):.1f}" if metric.is_share else f"{abs(value):.3g}"
    return size if value == 0 else f"{'+' if value > 0 else MINUS}{size}"
