"""Finished pipelines as things to compare: where they lie, what they measured, what they made."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from vital.artefacts.model import ARCHITECTURE, CLASSES, DESCRIPTION_FILE
from vital.artefacts.project import METRICS_FILE, Project
from vital.artefacts.scores import TARGETS, Metrics
from vital.artefacts.visualizations import REAL
from vital.errors import ArtefactError, ParamsError, nearest
from vital.params.base import read_params, read_seed
from vital.report.run_files import read_description, read_scores
from vital.report.unit_files import Visualization, unit_visualizations
from vital.units import Unit, class_units, select_units

MOST_CLASSES = 20
"""In a figure, unless more are named."""


@dataclass(frozen=True)
class Run:
    """A finished pipeline; ``name`` tells it from the others that were opened with it."""

    name: str
    project: Project

    @cached_property
    def metrics(self) -> Metrics:
        """What data/scores/metrics.json holds, real images last."""
        scores = read_scores(self.project)
        return {method: scores[method] for method in sorted(scores, key=REAL.__eq__)}

    @cached_property
    def network(self) -> str:
        """The network's name, as in model.name."""
        return str(self._description(ARCHITECTURE))

    @cached_property
    def classes(self) -> list[Unit]:
        """The units of the network's classes, in its order."""
        return class_units([str(name) for name in self._description(CLASSES)])

    @cached_property
    def seed(self) -> int:
        """The seed of the run's params.yaml."""
        return read_seed(read_params(self.project.params))

    @cached_property
    def targets(self) -> pd.DataFrame:
        """A row per scored image; none where nothing was scored."""
        return TARGETS.read_if_there(self.project.scores)

    @cached_property
    def visualizations(self) -> dict[str, list[Visualization]]:
        """Each unit's images by its id, the first seed first within a method."""
        return unit_visualizations(self.project)

    @property
    def methods(self) -> list[str]:
        """The methods that made images."""
        return list(
            dict.fromkeys(one.method for made in self.visualizations.values() for one in made)
        )

    def check_method(self, method: str) -> None:
        """Raise ParamsError where the run has no images by this method."""
        if method not in self.methods:
            raise ParamsError(
                f"{self.name} has no images by method {method!r}; {nearest(method, self.methods)}"
            )

    def pick_classes(self, names: Sequence[str] = ()) -> list[Unit]:
        """The classes of these names or indices, else the first that there are images of.

        Raises ParamsError for a class that there is no image of.
        """
        made = [unit for unit in self.classes if unit.id in self.visualizations]
        return select_units(made, names) if names and made else made[:MOST_CLASSES]

    def first_image(self, unit: str, method: str) -> Path | None:
        """A unit's image of the lowest seed by a method; transparent where there is such a one.

        ``unit`` is its id.
        """
        for made in self.visualizations.get(unit, ()):
            if made.method == method:
                return made.transparent or made.image
        return None

    def _description(self, key: str) -> Sequence[str]:
        description = read_description(self.project)
        if key not in description:
            path = self.project.model / DESCRIPTION_FILE
            raise ArtefactError(f"{path} does not say the network's {key}: run the model stage")
        found: Sequence[str] = description[key]
        return found


def find_runs(paths: Sequence[Path]) -> list[Run]:
    """The finished pipelines that ``paths`` are or hold, in that order, none twice.

    They are named by their folders, as seen from the one that holds them all.
    Raises ArtefactError for a path without any.
    """
    folders = [folder for path in paths for folder in _finished(path)]
    distinct = list(dict.fromkeys(folder.resolve() for folder in folders))
    common = os.path.commonpath([folder.parent for folder in distinct])
    return [Run(folder.relative_to(common).as_posix(), Project(folder)) for folder in distinct]


def _finished(path: Path) -> Iterator[Path]:
    """The project's folder itself, else those below it but for hidden ones."""
    inside = (Project(path).scores / METRICS_FILE).relative_to(path)
    if (path / inside).is_file():
        yield path
        return
    found = [file.parents[2] for file in sorted(path.rglob(inside.as_posix()))]
    shown = [folder for folder in found if not _is_hidden(folder.relative_to(path))]
    if not shown:
        raise ArtefactError(f"{path}: no finished pipeline here or below, as none has {inside}")
    yield from shown


def _is_hidden(folder: Path) -> bool:
    return any(part.startswith(".") for part in folder.parts)
