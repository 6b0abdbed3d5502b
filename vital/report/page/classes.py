"""The report's classes: a row for each, a column per method, and what rows are sorted by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from vital.artefacts.checked import named_file
from vital.artefacts.columns import IMAGE, METHOD, NAME, PROBABILITY, SEED, UNIT
from vital.artefacts.project import Project
from vital.artefacts.scores import PREDICTED_NAME, TARGETS
from vital.artefacts.visualizations import class_rows
from vital.report.formatting import percent
from vital.report.page.metric_texts import described
from vital.report.page.pictures import Picture, PictureFolder
from vital.report.run_files import class_photographs, read_indexes
from vital.scoring.metrics.agreement import ACCURACY_TOP1
from vital.scoring.metrics.record import JUDGE_PREFIX

_TOP1 = ACCURACY_TOP1.column

_KEYS = [METHOD, UNIT, SEED]
_FACTS = frozenset(TARGETS.columns)
"""Columns of the scored targets that are no measure of an image's quality."""


@dataclass(frozen=True)
class Tile:
    """A picture with its words; ``is_misread`` where the network sees another class in it."""

    picture: Picture
    words: str
    is_misread: bool = False


@dataclass(frozen=True)
class Cell:
    """What one method made for one class, a tile per seed, and what the network says of it.

    ``probability`` is the mean of all seeds; ``scored`` of them have been judged, and ``read_as``
    names the other classes that were seen instead.
    """

    tiles: list[Tile]
    probability: float
    scored: int
    recognised: int
    read_as: list[str]


@dataclass(frozen=True)
class Row:
    """A class: photographs of it and a cell per method, None where a method made nothing for it.

    ``values`` follow :attr:`ClassTable.measures`; None is unknown.
    """

    unit: int
    name: str
    photographs: list[Tile]
    cells: list[Cell | None]
    values: list[float | None]

    @property
    def misread(self) -> list[int]:
        """The columns in which at least one image was taken for another class."""
        return [i for i, cell in enumerate(self.cells) if cell is not None and cell.read_as]


@dataclass(frozen=True)
class ClassTable:
    """All rows, the methods of their columns, and the numbers by which they can be sorted.

    ``measures`` has, for every method, the places and names of its numbers among a row's.
    """

    methods: list[str]
    measures: list[list[tuple[int, str]]]
    rows: list[Row]

    @property
    def images(self) -> int:
        """How many visualizations there are."""
        return sum(len(cell.tiles) for row in self.rows for cell in row.cells if cell is not None)


def class_table(project: Project, most: int, pictures: PictureFolder) -> ClassTable:
    """A row per class unit, in the order of units, with at most ``most`` photographs each.

    Raises ArtefactError for a table that is damaged or names a file outside its folder.
    """
    index = _index(project)
    if index is None:
        return ClassTable([], [], [])
    targets = _targets(project)
    measures = [PROBABILITY, *_measures_of(targets)]
    images = index.merge(targets, on=_KEYS, how="left").sort_values(_KEYS, kind="stable")
    methods = list(dict.fromkeys(index[METHOD]))
    values = _values(images, methods, measures)
    photographs = _photographs(project, most)
    rows = []
    for unit, made in images.groupby(UNIT, sort=True):
        name = str(made[NAME].iloc[0])
        by_method = {str(method): table for method, table in made.groupby(METHOD)}
        rows.append(
            Row(
                unit=int(str(unit)),
                name=name,
                photographs=_photograph_tiles(photographs.get(int(str(unit)), []), name, pictures),
                cells=[
                    _cell(by_method[method], project.visualizations(method), name, pictures)
                    if method in by_method
                    else None
                    for method in methods
                ],
                values=values[int(str(unit))],
            )
        )
    return ClassTable(methods, _places(len(methods), measures), rows)


def _index(project: Project) -> pd.DataFrame | None:
    """All methods' visualizations of classes, the studied method's first."""
    tables = read_indexes(project)
    if not tables:
        return None
    index = pd.concat(
        [class_rows(table).assign(**{METHOD: method}) for method, table in tables.items()],
        ignore_index=True,
    )
    known = [*_KEYS, NAME, IMAGE, PROBABILITY]
    return index[known].astype({UNIT: int, SEED: int, PROBABILITY: float})


def _targets(project: Project) -> pd.DataFrame:
    """What was scored of each image; measures as floats, so that seeds can be averaged."""
    table = TARGETS.read_if_there(project.scores)
    rows = class_rows(table if _TOP1 in table else table.assign(**{_TOP1: np.nan}))
    measures = _measures_of(rows)
    kept = [*_KEYS, PREDICTED_NAME, *measures]
    types = {UNIT: int, SEED: int, **dict.fromkeys(measures, float)}
    return rows[kept].astype(types).drop_duplicates(_KEYS)


def _measures_of(table: pd.DataFrame) -> list[str]:
    """The columns that say how good an image is: verdicts and distances of whatever was asked."""
    names = [str(name) for name in table if name not in _FACTS]
    return [name for name in names if name == _TOP1 or is_numeric_dtype(table[name])]


def _places(methods: int, measures: list[str]) -> list[list[tuple[int, str]]]:
    """Where the measures of each method stand among the values of a row."""
    labels = [_measure_label(key) for key in measures]
    starts = range(0, methods * len(labels), len(labels))
    return [list(enumerate(labels, start)) for start in starts]


def _measure_label(key: str) -> str:
    if key == PROBABILITY:
        return "Probability"
    metric = described(key)
    judge = f" ({metric.group})" if key.startswith(JUDGE_PREFIX) else ""
    return f"{metric.label}{judge}"


def _values(
    images: pd.DataFrame, methods: Iterable[str], measures: list[str]
) -> dict[int, list[float | None]]:
    """For each unit its means over seeds: all measures of the first method, then of the next."""
    means = images.pivot_table(
        index=UNIT, columns=METHOD, values=measures, aggfunc="mean", dropna=False
    )
    columns = [(measure, method) for method in methods for measure in measures]
    rounded = means.reindex(columns=pd.MultiIndex.from_tuples(columns)).round(6)
    return {
        int(str(unit)): [None if np.isnan(value) else float(value) for value in row]
        for unit, row in zip(rounded.index, rounded.to_numpy(dtype=float), strict=True)
    }


def _photographs(project: Project, most: int) -> dict[int, list[Path]]:
    """For each class the first few of the very images whose features were averaged."""
    return {
        unit: [named_file(project.images, path) for path in paths[:most]]
        for unit, paths in class_photographs(project).items()
    }


def _photograph_tiles(paths: Iterable[Path], name: str, pictures: PictureFolder) -> list[Tile]:
    return [
        Tile(pictures.shrink(path, "photograph"), f"{name}: photograph {number}")
        for number, path in enumerate(paths, start=1)
    ]


def _cell(made: pd.DataFrame, folder: Path, name: str, pictures: PictureFolder) -> Cell:
    rows = made.to_dict("records")
    scored = [row for row in rows if not pd.isna(row[_TOP1])]
    misread = [str(row[PREDICTED_NAME]) for row in scored if not row[_TOP1]]
    return Cell(
        tiles=[_tile(row, folder, name, pictures) for row in rows],
        probability=float(made[PROBABILITY].mean()),
        scored=len(scored),
        recognised=len(scored) - len(misread),
        read_as=list(dict.fromkeys(misread)),
    )


def _tile(row: Mapping[Any, Any], folder: Path, name: str, pictures: PictureFolder) -> Tile:
    is_misread = not pd.isna(row[_TOP1]) and not row[_TOP1]
    words = f"{name}: {row[METHOD]}, seed {row[SEED]}"
    if not np.isnan(row[PROBABILITY]):
        words += f", {percent(row[PROBABILITY])}"
    if is_misread:
        words += f", read as {row[PREDICTED_NAME]}"
    picture = pictures.copy(named_file(folder, str(row[IMAGE])), "visualization")
    return Tile(picture, words, is_misread)
