"""data/references: the patches of photographs that inner units respond to, and which are dead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from vital.artefacts.columns import CHANNEL, IMAGE, RANK, TAP
from vital.artefacts.table import Kind, Table
from vital.units import Unit

BOX = "box"
"""Left, top, right and bottom of the patch, in pixels of the network's input."""
SCORE = "score"
"""How strongly the unit responds to the patch, by the criterion."""
CRITERION = "criterion"
PATCH = "patch"
"""The patch as a PNG, relative to the table's folder; ``image`` is the photograph's path."""

PATCHES = Table(
    "patches.parquet",
    {
        TAP: Kind.TEXT,
        CHANNEL: Kind.WHOLE,
        RANK: Kind.WHOLE,
        IMAGE: Kind.TEXT,
        BOX: Kind.LIST,
        SCORE: Kind.NUMBER,
        CRITERION: Kind.TEXT,
        PATCH: Kind.TEXT,
    },
)
DEAD = Table("dead.parquet", {TAP: Kind.TEXT, CHANNEL: Kind.WHOLE})
_PATCHES_FOLDER = "patches"


def ranked_file_name(unit: Unit, rank: int) -> str:
    """The name of a unit's ``rank``-th picture: a patch, or the heat map of that patch."""
    return f"{unit.file_name}-{rank:03d}.png"


def patch_path(unit: Unit, rank: int) -> str:
    """Where a patch's PNG lies, relative to the folder of references."""
    return f"{_PATCHES_FOLDER}/{ranked_file_name(unit, rank)}"


def write_patch_tables(
    folder: Path, rows: Iterable[Mapping[str, object]], dead: Iterable[Unit]
) -> None:
    """Write a row for each patch, and which units have none."""
    PATCHES.write(folder, PATCHES.frame(rows))
    DEAD.write(folder, DEAD.frame({TAP: unit.tap, CHANNEL: unit.index} for unit in dead))


def read_patches(folder: Path) -> pd.DataFrame:
    """A row per patch, by unit and rank; ``patch`` is relative to ``folder``."""
    return PATCHES.read(folder)


def patches_of(patches: pd.DataFrame, unit: Unit) -> pd.DataFrame:
    """The rows of one unit, the best first."""
    mine = (patches[TAP] == unit.tap) & (patches[CHANNEL] == unit.index)
    return patches[mine].sort_values(RANK)
