"""What the stages have left about a run as a whole: the network, its images, their scores.

A stage that has not run leaves nothing to read: an empty mapping, or None for a table. Every
function raises ArtefactError for a file that is damaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vital.artefacts.checked import checked, optional, per_method
from vital.artefacts.columns import PATH, UNIT
from vital.artefacts.project import DESCRIPTION_FILE, Project
from vital.artefacts.references import REFERENCES
from vital.artefacts.visualizations import INDEX, class_rows
from vital.errors import ArtefactError
from vital.runtime.files import read_json, read_parquet

Scores = Mapping[str, Mapping[str, float | int | None]]
"""By method, and for real images, the metrics by name; None is one that could not be computed."""

SCORES_FILE = "metrics.json"

_EMBEDDING_COLUMNS = ("kind", "unit", "name", "x", "y")


def read_description(project: Project) -> dict[str, Any]:
    """What the network is: data/model/model.json."""
    path = project.model / DESCRIPTION_FILE
    content = optional(path, read_json) or {}
    if not isinstance(content, dict):
        raise ArtefactError(f"{path} is damaged: it must hold the network's properties by name")
    return content


def read_accuracies(project: Project) -> dict[str, float]:
    """How well the network does on real images, by the name of the measure."""
    measured = optional(project.model / "metrics.json", read_json)
    if measured is not None:
        return dict(measured)
    description = read_description(project)
    return {"accuracy_top1": description["accuracy"]} if "accuracy" in description else {}


def class_photographs(project: Project) -> dict[int, list[str]]:
    """For each class the very images whose features were averaged, by their paths in its order.

    They are relative to the folder of images, and not checked.
    """
    averaged = class_rows(REFERENCES.read_if_there(project.statistics))
    return {
        int(str(unit)): [str(place) for place in rows[PATH]]
        for unit, rows in averaged.groupby(UNIT)
    }


def read_indexes(project: Project) -> dict[str, pd.DataFrame]:
    """Each method's index of its visualizations, the studied method's first."""
    return per_method(project, INDEX)


def read_scores(project: Project) -> Scores:
    """What data/scores/metrics.json holds, in its order."""
    path = project.scores / SCORES_FILE
    content = optional(path, read_json) or {}
    if not isinstance(content, dict) or not all(isinstance(row, dict) for row in content.values()):
        raise ArtefactError(f"{path} is damaged: it must hold metrics by method")
    return content


def read_targets(project: Project, columns: Sequence[str]) -> pd.DataFrame | None:
    """A row per scored image, with at least these columns."""
    path = project.scores / "targets.parquet"
    table = optional(path, read_parquet)
    return None if table is None else checked(table, columns, path)


def read_embedding(project: Project) -> pd.DataFrame | None:
    """The two-dimensional embedding: a row per image with its kind, unit, name, x and y."""
    return optional(project.scores / "embedding.csv", _read_embedding)


def _read_embedding(path: Path) -> pd.DataFrame:
    """Names stay text: a class may be called "NA", which pandas would take for a missing value."""
    types = {"kind": str, "unit": int, "name": str, "x": float, "y": float, "image": str}
    try:
        table = pd.read_csv(path, dtype=types, keep_default_na=False)
    except ValueError as error:
        raise ArtefactError(f"{path} is damaged: {error}") from None
    return checked(table, _EMBEDDING_COLUMNS, path)
