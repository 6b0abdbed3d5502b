"""What the stages have left about each unit: images, reference patches, why it was asked for.

Units go by their id, ``<tap>/<index>``, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vital.artefacts.checked import named_file
from vital.artefacts.chosen_units import CIRCUIT, LISTED, RANDOM, TOP, UNITS, WHY
from vital.artefacts.columns import CHANNEL, CLASS_NAME, IMAGE, RANK, SEED, SHARE, TAP, UNIT
from vital.artefacts.patches import CRITERION, DEAD, PATCH, PATCHES, SCORE
from vital.artefacts.project import Project
from vital.artefacts.relevance import MASK, MASKS
from vital.artefacts.visualizations import TRANSPARENT
from vital.report.formatting import percent
from vital.report.run_files import read_indexes
from vital.units import unit_id

_REASONS = {
    LISTED: "listed",
    RANDOM: "drawn at random",
    TOP: "among the most relevant to",
    CIRCUIT: "in the circuit of",
}


@dataclass(frozen=True)
class Visualization:
    """One image of a unit; ``transparent`` is its RGBA variant, which classes do not have."""

    method: str
    seed: int
    image: Path
    transparent: Path | None


@dataclass(frozen=True)
class PatchFile:
    """A part of a photograph that a unit responds to; ``mask`` is a grey map of relevance."""

    path: Path
    mask: Path | None
    photograph: str
    score: float
    criterion: str


def unit_reasons(project: Project) -> dict[str, list[str]]:
    """Why each inner unit was asked for, in words; in the order of the request."""
    reasons: dict[str, list[str]] = {}
    for row in _records(UNITS.read_if_there(project.units)):
        reasons.setdefault(_unit(row, CHANNEL), []).append(_reason(row))
    return reasons


def _reason(row: dict[str, Any]) -> str:
    words = [_REASONS.get(row[WHY], str(row[WHY]))]
    if not pd.isna(row[CLASS_NAME]):
        words.append(str(row[CLASS_NAME]))
    if not pd.isna(row[SHARE]):
        words.append(f"({percent(row[SHARE])})")
    return " ".join(words)


def dead_units(project: Project) -> set[str]:
    """The inner units that fire on no image."""
    table = DEAD.read_if_there(project.references)
    return {_unit(row, CHANNEL) for row in _records(table)}


def unit_visualizations(project: Project) -> dict[str, list[Visualization]]:
    """Every unit's images, of classes too: by method, then by seed.

    Raises ArtefactError for a path that leads out of its method's folder, or to no file.
    """
    found: dict[str, list[Visualization]] = {}
    for method, table in read_indexes(project).items():
        for row in _records(table.sort_values(SEED, kind="stable")):
            one = _visualization(method, project.visualizations(method), row)
            found.setdefault(_unit(row, UNIT), []).append(one)
    return found


def _visualization(method: str, folder: Path, row: dict[str, Any]) -> Visualization:
    transparent = row[TRANSPARENT]
    return Visualization(
        method=method,
        seed=int(row[SEED]),
        image=named_file(folder, row[IMAGE]),
        transparent=None if pd.isna(transparent) else named_file(folder, str(transparent)),
    )


def unit_patches(project: Project, most: int) -> dict[str, list[PatchFile]]:
    """Every inner unit's first ``most`` reference patches, the best first.

    Raises ArtefactError as :func:`unit_visualizations` does.
    """
    masks = MASKS.read_if_there(project.relevance)
    masked = {_place(row): named_file(project.relevance, row[MASK]) for row in _records(masks)}
    table = PATCHES.read_if_there(project.references)
    found: dict[str, list[PatchFile]] = {}
    for row in _records(table.sort_values(RANK, kind="stable")):
        patches = found.setdefault(_unit(row, CHANNEL), [])
        if len(patches) < most:
            patches.append(
                PatchFile(
                    path=named_file(project.references, row[PATCH]),
                    mask=masked.get(_place(row)),
                    photograph=str(row[IMAGE]),
                    score=float(row[SCORE]),
                    criterion=str(row[CRITERION]),
                )
            )
    return found


def _place(row: dict[str, Any]) -> tuple[str, int]:
    return _unit(row, CHANNEL), int(row[RANK])


def _unit(row: dict[str, Any], column: str) -> str:
    """The id of a row's unit; numbers may have come back as floats."""
    return unit_id(str(row[TAP]), int(row[column]))


def _records(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for row in table.to_dict("records"):
        yield {str(column): value for column, value in row.items()}
