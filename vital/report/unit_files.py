"""What the stages have left about each unit: images, reference patches, why it was asked for.

Units go by their id, ``<tap>/<index>``, as everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vital.artefacts.checked import named_file, optional_table
from vital.artefacts.chosen_units import (
    CIRCUIT,
    DEAD_COLUMNS,
    DEAD_FILE,
    LISTED,
    MASKS_COLUMNS,
    MASKS_FILE,
    PATCHES_COLUMNS,
    PATCHES_FILE,
    RANDOM,
    TOP,
    UNITS_COLUMNS,
    UNITS_FILE,
)
from vital.artefacts.project import Project
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
    for row in _records(optional_table(project.units / UNITS_FILE, UNITS_COLUMNS)):
        reasons.setdefault(_unit(row, "channel"), []).append(_reason(row))
    return reasons


def _reason(row: dict[str, Any]) -> str:
    words = [_REASONS.get(row["why"], str(row["why"]))]
    if not pd.isna(row["class_name"]):
        words.append(str(row["class_name"]))
    if not pd.isna(row["share"]):
        words.append(f"({percent(row['share'])})")
    return " ".join(words)


def dead_units(project: Project) -> set[str]:
    """The inner units that fire on no image."""
    table = optional_table(project.references / DEAD_FILE, DEAD_COLUMNS)
    return {_unit(row, "channel") for row in _records(table)}


def unit_visualizations(project: Project) -> dict[str, list[Visualization]]:
    """Every unit's images, of classes too: by method, then by seed.

    Raises ArtefactError for a path that leads out of its method's folder, or to no file.
    """
    found: dict[str, list[Visualization]] = {}
    for method, table in read_indexes(project).items():
        for row in _records(table.sort_values("seed", kind="stable")):
            one = _visualization(method, project.visualizations(method), row)
            found.setdefault(_unit(row, "unit"), []).append(one)
    return found


def _visualization(method: str, folder: Path, row: dict[str, Any]) -> Visualization:
    transparent = row.get("transparent")
    return Visualization(
        method=method,
        seed=int(row["seed"]),
        image=named_file(folder, row["image"]),
        transparent=None if pd.isna(transparent) else named_file(folder, str(transparent)),
    )


def unit_patches(project: Project, most: int) -> dict[str, list[PatchFile]]:
    """Every inner unit's first ``most`` reference patches, the best first.

    Raises ArtefactError as :func:`unit_visualizations` does.
    """
    masks = optional_table(project.relevance / MASKS_FILE, MASKS_COLUMNS)
    masked = {_place(row): named_file(project.relevance, row["mask"]) for row in _records(masks)}
    table = optional_table(project.references / PATCHES_FILE, PATCHES_COLUMNS)
    found: dict[str, list[PatchFile]] = {}
    for row in _records(table.sort_values("rank", kind="stable")):
        patches = found.setdefault(_unit(row, "channel"), [])
        if len(patches) < most:
            patches.append(
                PatchFile(
                    path=named_file(project.references, row["patch"]),
                    mask=masked.get(_place(row)),
                    photograph=str(row["image"]),
                    score=float(row["score"]),
                    criterion=str(row["criterion"]),
                )
            )
    return found


def _place(row: dict[str, Any]) -> tuple[str, int]:
    return _unit(row, "channel"), int(row["rank"])


def _unit(row: dict[str, Any], column: str) -> str:
    """The id of a row's unit; numbers may have come back as floats."""
    return unit_id(str(row["tap"]), int(row[column]))


def _records(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for row in table.to_dict("records"):
        yield {str(column): value for column, value in row.items()}
