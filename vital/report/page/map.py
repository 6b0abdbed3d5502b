"""The report's map of features: the paper's t-SNE figure, and its points for the page to draw."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vital.artefacts.checked import named_file
from vital.artefacts.columns import IMAGE, NAME, UNIT
from vital.artefacts.project import Project
from vital.artefacts.scores import KIND, X, Y, read_embedding
from vital.artefacts.visualizations import PHOTOGRAPH, method_order
from vital.report.figures.embedding import draw_embedding
from vital.report.figures.style import class_colours, save_figure
from vital.report.page.pictures import PictureFolder

_MOST_PHOTOGRAPHS = 2000
"""Of more, every few have a picture, so that the folder stays small enough to mail."""


@dataclass(frozen=True)
class FeatureMap:
    """The figure's legend, and all points.

    ``classes`` has unit, name and colour of each class. ``kinds`` are photographs and then the
    methods; a point is x, y, its place in ``kinds``, its place in ``classes``, and the address of
    its picture, empty where it has none.
    """

    classes: list[tuple[int, str, str]]
    kinds: list[str]
    points: list[tuple[float, float, int, int, str]]

    def data(self) -> dict[str, Any]:
        """What the page's script draws it from."""
        return {"classes": self.classes, "kinds": self.kinds, "points": self.points}


def feature_map(project: Project, folder: Path, pictures: PictureFolder) -> FeatureMap | None:
    """Draw the figure into ``folder`` and give its points; None where there is no embedding.

    Raises ArtefactError for a table that is damaged or names a file outside its folder.
    """
    table = read_embedding(project.scores)
    if table is None:
        return None
    names = {int(unit): str(name) for unit, name in zip(table[UNIT], table[NAME], strict=True)}
    colours = class_colours(sorted(names))
    kinds = {str(kind): rows for kind, rows in table.groupby(KIND, sort=False)}
    real = kinds.pop(PHOTOGRAPH, table.head(0))
    methods = {kind: kinds[kind] for kind in sorted(kinds, key=method_order)}
    save_figure(folder, "embedding", draw_embedding(real, methods, colours))
    places = {unit: place for place, unit in enumerate(sorted(names))}
    points = []
    for place, (kind, rows) in enumerate([(PHOTOGRAPH, real), *methods.items()]):
        addresses = _addresses(project, kind, rows, pictures)
        units = (places[int(unit)] for unit in rows[UNIT])
        points += [
            (round(float(x), 2), round(float(y), 2), place, unit, address)
            for x, y, unit, address in zip(rows[X], rows[Y], units, addresses, strict=True)
        ]
    classes = [(unit, names[unit], colours[unit]) for unit in sorted(names)]
    return FeatureMap(classes, [PHOTOGRAPH, *methods], points)


def _addresses(
    project: Project, kind: str, rows: pd.DataFrame, pictures: PictureFolder
) -> list[str]:
    """The address of each point's picture in the report's folder."""
    if IMAGE not in rows:
        return [""] * len(rows)
    if kind != PHOTOGRAPH:
        folder = project.visualizations(kind)
        return [
            pictures.copy(named_file(folder, image), "visualization").url if image else ""
            for image in rows[IMAGE]
        ]
    every = math.ceil(len(rows) / _MOST_PHOTOGRAPHS)
    return [
        pictures.miniature(named_file(project.images, image), "point").url
        if image and number % every == 0
        else ""
        for number, image in enumerate(rows[IMAGE])
    ]
