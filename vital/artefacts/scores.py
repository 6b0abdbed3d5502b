"""The folder of the score stage: metrics by method, and the tables that they were made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vital.artefacts.checked import checked, optional, optional_table
from vital.errors import ArtefactError
from vital.runtime.files import read_json, read_parquet, write_csv, write_json, write_parquet

METRICS_FILE = "metrics.json"
REASONS_FILE = "reasons.json"
TARGETS_FILE = "targets.parquet"
INTERVALS_FILE = "intervals.parquet"
DIFFERENCES_FILE = "differences.parquet"
EMBEDDING_FILE = "embedding.csv"
HISTORY_FILE = "history.csv"

INTERVAL_COLUMNS = ("metric", "method", "value", "low", "high", "n", "n_classes")
DIFFERENCE_COLUMNS = ("metric", "method", "against", "difference", "low", "high", "n_classes")
EMBEDDING_COLUMNS = ("kind", "unit", "name", "x", "y", "image")

SCORED = "n"
"""Among the metrics: how many images were scored."""

AGAINST = "m"
"""Among the metrics: how many real images they were scored against."""

Metrics = Mapping[str, Mapping[str, float | int | None]]
"""By method, and for real images, the metrics by name; None is one that could not be computed."""


@dataclass(frozen=True)
class Scores:
    """Metrics per method and for real images, and what they were made of.

    ``reasons`` says, per method, of each metric that is null why it is. ``targets`` has a row per
    image, ``embedding`` a row per image and photograph; the other tables have the columns that are
    named after them.
    """

    metrics: Metrics
    reasons: Mapping[str, Mapping[str, str]]
    targets: pd.DataFrame
    intervals: pd.DataFrame
    differences: pd.DataFrame
    embedding: pd.DataFrame


def write_scores(folder: Path, scores: Scores) -> None:
    """Write all of them, a file for each."""
    write_json(metrics_path(folder), scores.metrics)
    write_json(folder / REASONS_FILE, scores.reasons)
    write_parquet(folder / TARGETS_FILE, scores.targets)
    write_parquet(folder / INTERVALS_FILE, scores.intervals)
    write_parquet(folder / DIFFERENCES_FILE, scores.differences)
    write_csv(folder / EMBEDDING_FILE, scores.embedding)


def write_history(folder: Path, histories: Iterable[pd.DataFrame]) -> None:
    """Write the losses of all methods under each other, for `dvc plots`."""
    write_csv(folder / HISTORY_FILE, pd.concat(histories, ignore_index=True))


def metrics_path(folder: Path) -> Path:
    """Where the metrics lie once something has been scored."""
    return folder / METRICS_FILE


def read_metrics(folder: Path) -> Metrics:
    """Metrics by method. Raises ArtefactError when the file is missing or damaged."""
    path = metrics_path(folder)
    content = read_json(path)
    if not isinstance(content, dict) or not all(isinstance(row, dict) for row in content.values()):
        raise ArtefactError(f"{path} is damaged: it must hold metrics by method")
    return content


def read_reasons(folder: Path) -> Mapping[str, Mapping[str, str]]:
    """For each method, why those of its metrics that are null are; none where nothing is told."""
    found: Any = optional(folder / REASONS_FILE, read_json)
    return found or {}


def read_targets(folder: Path, columns: Sequence[str]) -> pd.DataFrame | None:
    """A row per image, with at least these columns; None where nothing has been scored.

    Raises ArtefactError when the file is damaged or lacks a column.
    """
    path = folder / TARGETS_FILE
    table = optional(path, read_parquet)
    return None if table is None else checked(table, columns, path)


def read_intervals(folder: Path, columns: Sequence[str] = INTERVAL_COLUMNS) -> pd.DataFrame:
    """A row per method and metric that is a mean over images; none where there is no such file.

    Raises ArtefactError when the file is damaged or lacks one of ``columns``.
    """
    return optional_table(folder / INTERVALS_FILE, columns)


def read_differences(folder: Path) -> pd.DataFrame:
    """A row per metric and pair of methods, if any; raises ArtefactError when it is damaged."""
    return optional_table(folder / DIFFERENCES_FILE, DIFFERENCE_COLUMNS)


def read_embedding(folder: Path) -> pd.DataFrame | None:
    """A row per image and photograph; None where there is no embedding.

    ``image`` may be lacking. Raises ArtefactError when the file is damaged.
    """
    path = folder / EMBEDDING_FILE
    return optional(path, _read_embedding)


def _read_embedding(path: Path) -> pd.DataFrame:
    """Names stay text: a class may be called "NA", which pandas would take for a missing value."""
    types = {"kind": str, "unit": int, "name": str, "x": float, "y": float, "image": str}
    try:
        table = pd.read_csv(path, dtype=types, keep_default_na=False)
    except ValueError as error:
        raise ArtefactError(f"{path} is damaged: {error}") from None
    return checked(table, EMBEDDING_COLUMNS[:-1], path)
