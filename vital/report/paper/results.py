"""The paper's table of results: what it prints, what runs here measured, and the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from vital.artefacts.scores import SCORED
from vital.artefacts.visualizations import REAL
from vital.report.paper.published import published_rows, published_value
from vital.report.runs import Run
from vital.scoring.metrics.agreement import ACCURACY_TOP1, ZEROSHOT_TOP1, ZEROSHOT_TOP5
from vital.scoring.metrics.frechet import FRECHET


@dataclass(frozen=True)
class Column:
    """A metric, what the table calls it, and what turns it into the paper's unit."""

    metric: str
    title: str
    factor: float = 1.0


COLUMNS = (
    Column(ACCURACY_TOP1.key, "top-1 %", 100.0),
    Column(FRECHET.key, "Fréchet"),
    Column(ZEROSHOT_TOP1.key, "CLIP top-1 %", 100.0),
    Column(ZEROSHOT_TOP5.key, "CLIP top-5 %", 100.0),
)
PARTS = ("paper", "here", "difference")


def results_table(runs: Sequence[Run]) -> pd.DataFrame:
    """A row per network, method and run: network, method, run, images, three columns per metric.

    The paper's rows come first, each repeated for every run of its network, then those that only
    runs here have. What is not there is missing (NaN, or None for the run).
    """
    rows = []
    for network, method in _rows(runs):
        scored = [run for run in runs if run.network == network and method in run.metrics]
        found: Sequence[Run | None] = scored or [None]
        rows += [_row(network, method, run) for run in found]
    names = [f"{column.title} {part}" for column in COLUMNS for part in PARTS]
    table = pd.DataFrame(rows, columns=["network", "method", "run", "images", *names])
    return table.astype({"images": "Int64", **dict.fromkeys(names, float)})


def _rows(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Network and method of each row, network by network, real images last."""
    ours = [(run.network, method) for run in runs for method in run.metrics]
    pairs = list(dict.fromkeys([*published_rows(), *ours]))
    networks = list(dict.fromkeys(network for network, _ in pairs))
    return sorted(pairs, key=lambda pair: (networks.index(pair[0]), pair[1] == REAL))


def _row(network: str, method: str, run: Run | None) -> list[object]:
    metrics = {} if run is None else run.metrics[method]
    cells: list[float | None] = []
    for column in COLUMNS:
        printed, measured = (
            published_value(network, method, column.metric),
            metrics.get(column.metric),
        )
        here = None if measured is None else column.factor * measured
        cells += [printed, here, None if printed is None or here is None else here - printed]
    return [network, method, None if run is None else run.name, metrics.get(SCORED), *cells]


def measured_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Every metric that runs here have: network, run and method, then a column per metric."""
    rows = [
        {"network": run.network, "run": run.name, "method": method, **metrics}
        for run in runs
        for method, metrics in run.metrics.items()
    ]
    table = pd.DataFrame(rows)
    names = [name for name in table if name not in ("network", "run", "method")]
    return table.astype(dict.fromkeys(names, float))
