"""What the stages have left about a run as a whole: the network, its images, their scores.

A stage that has not run leaves nothing to read: an empty mapping, or None for a table. Every
function raises ArtefactError for a file that is damaged.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from vital.artefacts import model
from vital.artefacts.columns import PATH, UNIT
from vital.artefacts.model import DESCRIPTION_FILE
from vital.artefacts.project import Project
from vital.artefacts.reference_images import REFERENCES
from vital.artefacts.scores import Metrics, metrics_path, read_metrics
from vital.artefacts.table import Table
from vital.artefacts.visualizations import INDEX, class_rows, method_order
from vital.params.base import read_params
from vital.params.methods import read_methods


def read_description(project: Project) -> dict[str, Any]:
    """What the network is; nothing where there is none yet."""
    is_there = (project.model / DESCRIPTION_FILE).exists()
    return model.read_description(project.model) if is_there else {}


def read_accuracies(project: Project) -> dict[str, float]:
    """How well the network does on real images, by the name of the measure."""
    measured = model.read_accuracies(project.model)
    described = read_description(project)
    if not measured and model.ACCURACY in described:
        return {model.ACCURACY_TOP1: described[model.ACCURACY]}
    return measured


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


def per_method(project: Project, table: Table) -> dict[str, pd.DataFrame]:
    """The table of each of the run's methods that has written it, by the method's name.

    The method under study comes first, its peers by name.
    """
    methods = read_methods(read_params(project.params))
    folders = {name: project.visualizations(name) for name in sorted(methods, key=method_order)}
    return {
        name: table.read(folder) for name, folder in folders.items() if table.path(folder).exists()
    }
