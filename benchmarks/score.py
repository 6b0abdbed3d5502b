"""What does scoring cost, against the metrics written down as plainly as they can be?

    python -m benchmarks.score [--images 2000] [--real 2000] [--features 512] [--classes 100]

Generated features of so many visualizations and real images go through each metric of the stage
``score``, and through its plain version, turn by turn in one process:

- ``frechet``: the root of the covariances' product by scipy's ``sqrtm``;
- ``kid``: torch-fidelity's loop over subsets, three kernels of each;
- ``neighbours``: each image's nearest real ones among all distances, from scipy's ``cdist``;
- ``intervals``: a bootstrap of ten metrics that draws classes and takes their mean, again and
  again.

One line of JSON: under ``metrics`` each one's median ``seconds``, ``baseline_seconds``, ``ratio``
(how many times faster), its ``share`` of all scoring, its ``difference`` from the plain value, and
``peak_mib`` and ``baseline_peak_mib``, which either adds to a process of its own that has the
features. Above them the same of all together, of the peaks the greater.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import scipy.linalg
import scipy.spatial
import torch
import typer
from torch_fidelity.metric_kid import kid_features_to_metric

from benchmarks.timing import take_turns
from vital.params.score import ScoreParams
from vital.runtime.generators import generator
from vital.scoring.bootstrap import mean_interval, times_drawn
from vital.scoring.metrics.frechet import frechet_distance
from vital.scoring.metrics.kernel import kernel_distance
from vital.scoring.metrics.nearest import nearest_label

PARAMS = ScoreParams()
METRICS = 10
"""Means over classes that have an interval."""

SEED = 0


@dataclass(frozen=True)
class Features:
    """Features (N, D) of visualizations and (M, D) of real images, with their labels."""

    ours: torch.Tensor
    theirs: torch.Tensor
    labels: torch.Tensor
    values: np.ndarray
    """What the metrics say of each class, (METRICS, classes)."""


Work = Callable[[Features], np.ndarray]


def main(
    images: Annotated[int, typer.Option(min=4)] = 2000,
    real: Annotated[int, typer.Option(min=4)] = 2000,
    features: Annotated[int, typer.Option(min=1, help="Of each image.")] = 512,
    classes: Annotated[int, typer.Option(min=2)] = 100,
    turns: Annotated[int, typer.Option(min=1)] = 3,
    memory: Annotated[bool, typer.Option(help="Measure it, each in a process of its own.")] = True,
) -> None:
    """Time each metric and its plain version."""
    drawn = draw_features(images, real, features, classes)
    works = [work for pair in PAIRS.values() for work in pair]
    for work in works:
        work(drawn)
    seconds = take_turns([partial(work, drawn) for work in works], turns)
    total = sum(seconds[::2])
    metrics = {
        name: {
            **_compared(seconds[2 * place], seconds[2 * place + 1]),
            "share": round(seconds[2 * place] / total, 3),
            "difference": difference(ours(drawn), plain(drawn)),
        }
        for place, (name, (ours, plain)) in enumerate(PAIRS.items())
    }
    whole = _compared(total, sum(seconds[1::2]))
    if memory:
        peaks = [added_peak(work, (images, real, features, classes)) for work in works]
        for place, one in enumerate(metrics.values()):
            one.update(_peaks(peaks[2 * place : 2 * place + 2]))
        whole |= _peaks([max(peaks[::2]), max(peaks[1::2])])
    line: dict[str, Any] = {
        "benchmark": "score",
        "against": "plain",
        "images": images,
        "real": real,
        "features": features,
        "classes": classes,
        "threads": torch.get_num_threads(),
        **whole,
        "metrics": metrics,
    }
    typer.echo(json.dumps(line))


def draw_features(images: int, real: int, width: int, classes: int) -> Features:
    """Rectified noise, shifted a little between the two sets, and a value per class and metric."""
    draws = generator(SEED, "score benchmark")
    ours, theirs = (
        (torch.randn(count, width, generator=draws) + shift).relu()
        for count, shift in ((images, 0.1), (real, 0.0))
    )
    values = torch.rand(METRICS, classes, generator=draws).double().numpy()
    return Features(ours, theirs, torch.arange(real) % classes, values)


def frechet(drawn: Features) -> np.ndarray:
    """As the stage does it."""
    return np.array([frechet_distance(drawn.ours, drawn.theirs)])


def plain_frechet(drawn: Features) -> np.ndarray:
    """Means, covariances, and the root of their product."""
    ours, theirs = drawn.ours.double().numpy(), drawn.theirs.double().numpy()
    first, second = np.cov(ours, rowvar=False), np.cov(theirs, rowvar=False)
    root = scipy.linalg.sqrtm(first @ second).real
    shift = ((ours.mean(axis=0) - theirs.mean(axis=0)) ** 2).sum()
    return np.array([shift + np.trace(first) + np.trace(second) - 2 * np.trace(root)])


def kid(drawn: Features) -> np.ndarray:
    """As the stage does it."""
    return np.array(kernel_distance(drawn.ours, drawn.theirs, PARAMS.kid_subsets, SEED))


def plain_kid(drawn: Features) -> np.ndarray:
    """torch-fidelity's, in the precision that the stage has."""
    found = kid_features_to_metric(
        drawn.ours.double(),
        drawn.theirs.double(),
        kid_subsets=PARAMS.kid_subsets,
        kid_subset_size=min(len(drawn.ours), len(drawn.theirs)) // 2,
        rng_seed=SEED,
        verbose=False,
    )
    return np.array(list(found.values()))


def neighbours(drawn: Features) -> np.ndarray:
    """As the stage does it."""
    return nearest_label(drawn.ours, drawn.theirs, drawn.labels, PARAMS.neighbours).numpy()


def plain_neighbours(drawn: Features) -> np.ndarray:
    """All distances, sorted, and a count of the nearest labels for each image."""
    ours, theirs = drawn.ours.double().numpy(), drawn.theirs.double().numpy()
    order = np.argsort(scipy.spatial.distance.cdist(ours, theirs), axis=1, kind="stable")
    nearest = drawn.labels.numpy()[order[:, : PARAMS.neighbours]].tolist()
    return np.array([max(labels, key=labels.count) for labels in nearest])


def intervals(drawn: Features) -> np.ndarray:
    """As the stage does it, which draws classes once."""
    times_drawn.cache_clear()
    found = [
        mean_interval(values, PARAMS.resamples, PARAMS.confidence, SEED) for values in drawn.values
    ]
    return np.array([(one.mean, one.low, one.high) for one in found])


def plain_intervals(drawn: Features) -> np.ndarray:
    """Classes drawn and averaged once per metric and sample."""
    tail = (1 - PARAMS.confidence) / 2
    rows = []
    for values in drawn.values:
        draws = np.random.default_rng(SEED)
        means = [
            values[draws.integers(len(values), size=len(values))].mean()
            for _ in range(PARAMS.resamples)
        ]
        rows.append((values.mean(), *np.quantile(means, [tail, 1 - tail])))
    return np.array(rows)


PAIRS: dict[str, tuple[Work, Work]] = {
    "frechet": (frechet, plain_frechet),
    "kid": (kid, plain_kid),
    "neighbours": (neighbours, plain_neighbours),
    "intervals": (intervals, plain_intervals),
}
"""Each metric and its plain version."""


def difference(ours: np.ndarray, plain: np.ndarray) -> float:
    """The greatest difference, over the greatest plain value."""
    return float(f"{np.abs(ours - plain).max() / np.abs(plain).max():.2g}")


def added_peak(work: Work, sizes: tuple[int, int, int, int]) -> float:
    """MiB that the work adds at most to what a process of its own has before it."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak_of, (work, sizes))


def _peak_of(work: Work, sizes: tuple[int, int, int, int]) -> float:
    drawn = draw_features(*sizes)
    before = _greatest_memory()
    work(drawn)
    return round((_greatest_memory() - before) / 2**10, 1)


def _greatest_memory() -> int:
    """Resident KiB of this process alone: getrusage would count its parent's, which started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def _peaks(pair: Sequence[float]) -> dict[str, float]:
    return dict(zip(("peak_mib", "baseline_peak_mib"), pair, strict=True))


def _compared(seconds: float, baseline: float) -> dict[str, float]:
    return {
        "seconds": round(seconds, 4),
        "baseline_seconds": round(baseline, 4),
        "ratio": round(baseline / seconds, 2),
    }


if __name__ == "__main__":
    typer.run(main)
