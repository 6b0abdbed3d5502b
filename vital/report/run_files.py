"""What the stages have left about a run as a whole: the network, its images, their scores.

A stage that has not run leaves nothing to read: an empty mapping, or None for a table. Every
function raises ArtefactError for a file that is damaged.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from vital.artefacts.checked import optional, per_method
from vital.artefacts.columns import PATH, UNIT
from vital.artefacts.project import DESCRIPTION_FILE, Project
from vital.artefacts.references import REFERENCES
from vital.artefacts.scores import Metrics, metrics_path, read_metrics
from vital.artefacts.visualizations import INDEX, class_rows
from vital.errors import ArtefactError
from vital.runtime.files import read_json
from vital.scoring.metrics.agreement import ACCURACY_TOP1


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
    return {ACCURACY_TOP1.key: description["accuracy"]} if "accuracy" in description else {}


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


def read_scores(project: Project) -> Metrics:
    """The metrics by method, in the file's order; none where nothing has been scored."""
    return read_metrics(project.scores) if metrics_path(project.scores).exists() else {}
