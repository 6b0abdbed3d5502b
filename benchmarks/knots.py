"""How far off are quantile functions that are kept at knots, and what does that save?

    python -m benchmarks.knots FOLDER...

Each folder is a run's data/statistics, extracted with ``extract.knots: null``; that of a trained
network, made by ``python -m experiments.real_networks --keep``, say. Per folder, number of knots
and spacing: the 2-Wasserstein distance of a channel's kept quantile function to the exact one over
the channel's standard deviation, over all channels of all taps and classes with more positions than
knots; channels that do not vary are left out. One line of JSON each, with the ``gib`` that the
quantiles of 1000 classes take at ResNet-50's five taps.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import typer

from vital.references.quantile_knots import at_knots, from_knots
from vital.references.statistics_files import extracted_units, read_statistics

COUNTS = (32, 64, 128, 256, 512)
RESNET50 = ((64, 12544), (256, 3136), (512, 784), (1024, 196), (2048, 49))
CLASSES = 1000

Keep = Callable[[np.ndarray, int], np.ndarray]


def main(folders: list[Path]) -> None:
    """Measure every folder's statistics."""
    for folder in folders:
        exact = list(_quantiles(folder))
        for count in COUNTS:
            for spacing, keep in SPACINGS.items():
                kept = [_errors(one, keep(one, count)) for one in exact if one.shape[1] > count]
                if kept:
                    typer.echo(json.dumps(_line(folder, count, spacing, np.concatenate(kept))))


def _line(folder: Path, count: int, spacing: str, errors: np.ndarray) -> dict[str, object]:
    return {
        "benchmark": "knots",
        "statistics": folder.parent.parent.name,
        "knots": count,
        "spacing": spacing,
        "channels": len(errors),
        "median": round(float(np.median(errors)), 5),
        "percentile_99": round(float(np.percentile(errors, 99)), 5),
        "greatest": round(float(errors.max()), 5),
        "gib": round(_gib(count), 2),
        "gib_exact": round(_gib(None), 2),
    }


def _quantiles(folder: Path) -> Iterator[np.ndarray]:
    for unit in extracted_units(folder):
        for kept in read_statistics(folder, [unit]).values():
            yield from (one.quantiles for one in kept.values())


def _errors(exact: np.ndarray, kept: np.ndarray) -> np.ndarray:
    spread = exact.std(axis=1, dtype=np.float64)
    distance = np.sqrt(np.mean((exact - kept).astype(np.float64) ** 2, axis=1))
    varying = spread > 1e-6
    relative: np.ndarray = distance[varying] / spread[varying]
    return relative


def _by_cosine(exact: np.ndarray, count: int) -> np.ndarray:
    return from_knots(at_knots(exact, count), exact.shape[1])


def _evenly(exact: np.ndarray, count: int) -> np.ndarray:
    positions = np.arange(exact.shape[1])
    knots = np.linspace(0, exact.shape[1] - 1, count)
    rows = [np.interp(positions, knots, np.interp(knots, positions, row)) for row in exact]
    return np.stack(rows)


SPACINGS: dict[str, Keep] = {"cosine": _by_cosine, "even": _evenly}


def _gib(knots: int | None) -> float:
    values = sum(channels * min(knots or positions, positions) for channels, positions in RESNET50)
    return CLASSES * values * np.dtype(np.float32).itemsize / 2**30


if __name__ == "__main__":
    typer.run(main)
