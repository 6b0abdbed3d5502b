"""The folder of the score stage: metrics by method, and the tables that they were made of."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vital.artefacts.checked import WrittenAs, checked, optional, read_content
from vital.artefacts.columns import IMAGE, METHOD, NAME, PROBABILITY, SEED, TAP, UNIT
from vital.artefacts.project import METRICS_FILE
from vital.artefacts.table import Kind, Table
from vital.artefacts.visualizations import LOSS, STEP, TARGET
from vital.errors import ArtefactError, first_line
from vital.params.model import Finite
from vital.runtime.files import write_json
from vital.runtime.table_files import write_csv

REASONS_FILE = "reasons.json"
EMBEDDING_FILE = "embedding.csv"
HISTORY_FILE = "history.csv"

PREDICTED = "predicted"
"""The class that the studied network sees in an image, by index."""
PREDICTED_NAME = "predicted_name"
VOTED = "knn"
"""The class of most of an image's nearest photographs, by index."""
VOTED_NAME = "knn_name"

METRIC = "metric"
VALUE = "value"
LOW = "low"
HIGH = "high"
IMAGES = "n"
CLASSES = "n_classes"
BASELINE = "against"
"""The method that another is compared with."""
DIFFERENCE = "difference"

KIND = "kind"
"""The method of an image, or that it is a photograph."""
X = "x"
Y = "y"

TARGETS = Table(
    "targets.parquet",
    {
        METHOD: Kind.TEXT,
        TAP: Kind.TEXT,
        UNIT: Kind.WHOLE,
        NAME: Kind.TEXT,
        SEED: Kind.WHOLE,
        IMAGE: Kind.TEXT,
        PREDICTED: Kind.WHOLE,
        PREDICTED_NAME: Kind.TEXT,
        PROBABILITY: Kind.NUMBER,
        VOTED: Kind.WHOLE,
        VOTED_NAME: Kind.TEXT,
    },
    optional=frozenset({IMAGE, PREDICTED, PROBABILITY, VOTED, VOTED_NAME}),
)
INTERVALS = Table(
    "intervals.parquet",
    {
        METRIC: Kind.TEXT,
        METHOD: Kind.TEXT,
        VALUE: Kind.NUMBER,
        LOW: Kind.NUMBER,
        HIGH: Kind.NUMBER,
        IMAGES: Kind.WHOLE,
        CLASSES: Kind.WHOLE,
    },
    optional=frozenset({VALUE, IMAGES, CLASSES}),
)
DIFFERENCES = Table(
    "differences.parquet",
    {
        METRIC: Kind.TEXT,
        METHOD: Kind.TEXT,
        BASELINE: Kind.TEXT,
        DIFFERENCE: Kind.NUMBER,
        LOW: Kind.NUMBER,
        HIGH: Kind.NUMBER,
        CLASSES: Kind.WHOLE,
    },
)
EMBEDDING_COLUMNS = (KIND, UNIT, NAME, X, Y, IMAGE)

SCORED = IMAGES
"""Among the metrics: how many images were scored."""

AGAINST = "m"
"""Among the metrics: how many real images they were scored against."""

Metrics = Mapping[str, Mapping[str, float | int | None]]
"""By method, and for real images, the metrics by name; None is one that could not be computed."""


class _Metrics(WrittenAs[dict[str, dict[str, Finite | None]]]):
    """By method."""


class _Reasons(WrittenAs[dict[str, dict[str, str]]]):
    """By method."""


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
    TARGETS.write(folder, scores.targets)
    INTERVALS.write(folder, scores.intervals)
    DIFFERENCES.write(folder, scores.differences)
    write_csv(folder / EMBEDDING_FILE, scores.embedding)


def write_history(folder: Path, histories: Iterable[pd.DataFrame]) -> None:
    """Write the losses of all methods under each other, for `dvc plots`."""
    write_csv(folder / HISTORY_FILE, pd.concat(histories, ignore_index=True))


def score_files(folder: Path) -> list[Path]:
    """All that the score stage writes."""
    tables = (TARGETS, INTERVALS, DIFFERENCES)
    others = (REASONS_FILE, EMBEDDING_FILE, HISTORY_FILE)
    return [
        metrics_path(folder),
        *(folder / file for file in others),
        *(table.path(folder) for table in tables),
    ]


def metrics_path(folder: Path) -> Path:
    """Where the metrics lie once something has been scored."""
    return folder / METRICS_FILE


def read_metrics(folder: Path) -> Metrics:
    """Metrics by method. Raises ArtefactError when the file is missing or damaged."""
    content: Metrics = read_content(metrics_path(folder), _Metrics)
    return content


def read_reasons(folder: Path) -> Mapping[str, Mapping[str, str]]:
    """For each method, why those of its metrics that are null are; none where nothing is told."""
    found: Any = optional(folder / REASONS_FILE, lambda path: read_content(path, _Reasons))
    return found or {}


def read_history(folder: Path) -> pd.DataFrame:
    """What :func:`write_history` wrote; a loss that a method does not have is NaN.

    Raises ArtefactError when the file is missing or damaged.
    """
    return _read_csv(folder / HISTORY_FILE, {METHOD: str, TARGET: str, STEP: int, LOSS: float})


def read_embedding(folder: Path) -> pd.DataFrame | None:
    """A row per image and photograph; None where there is no embedding.

    ``image`` may be lacking, and is empty where it is not known. Raises ArtefactError when the file
    is damaged.
    """
    types = {KIND: str, UNIT: int, NAME: str, X: float, Y: float}
    table = optional(folder / EMBEDDING_FILE, lambda path: _read_csv(path, types))
    return None if table is None else table.fillna({NAME: "", IMAGE: ""})


def _read_csv(path: Path, types: Mapping[str, type]) -> pd.DataFrame:
    """A table with at least these columns.

    Only nothing at all is a missing value: "NA" may be the name of a class.
    """
    try:
        content = path.read_bytes()
        if not content.endswith(b"\n"):  # else half a number would be read as a number
            raise ArtefactError(f"{path} is damaged: it ends within a line")
        table = pd.read_csv(
            io.BytesIO(content), dtype=dict(types), keep_default_na=False, na_values=[""]
        )
    except FileNotFoundError:
        raise ArtefactError(f"{path} does not exist: run the stage that writes it") from None
    except ValueError as error:
        raise ArtefactError(f"{path} is damaged: {first_line(error)}") from None
    return checked(table, list(types), path)
