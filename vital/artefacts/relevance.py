"""data/relevance: heat maps of the best patches, and the circuits of classes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from vital.artefacts.chosen_units import CIRCUIT, CLASS, WHY
from vital.artefacts.columns import CHANNEL, CLASS_NAME, RANK, SHARE, TAP
from vital.artefacts.patches import ranked_file_name
from vital.artefacts.table import Kind, Table
from vital.units import Unit

MASK = "mask"
"""A patch's heat map, a PNG, relative to the table's folder."""

MASKS = Table(
    "masks.parquet", {TAP: Kind.TEXT, CHANNEL: Kind.WHOLE, RANK: Kind.WHOLE, MASK: Kind.TEXT}
)
CIRCUITS = Table(
    "circuits.parquet",
    {
        CLASS: Kind.WHOLE,
        CLASS_NAME: Kind.TEXT,
        RANK: Kind.WHOLE,
        TAP: Kind.TEXT,
        CHANNEL: Kind.WHOLE,
        SHARE: Kind.NUMBER,
    },
)
_MASKS_FOLDER = "masks"


def mask_row(unit: Unit, rank: int) -> dict[str, Any]:
    """The row of the heat map of a unit's ``rank``-th patch, which says where its PNG goes."""
    name = f"{_MASKS_FOLDER}/{ranked_file_name(unit, rank)}"
    return {TAP: unit.tap, CHANNEL: unit.index, RANK: rank, MASK: name}


def write_masks(folder: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write a row for each heat map."""
    MASKS.write(folder, MASKS.frame(rows))


def write_circuits(folder: Path, units: pd.DataFrame) -> None:
    """Write the rows of chosen units that belong to a circuit, ranked within their class."""
    rows = units[units[WHY] == CIRCUIT]
    table = rows.assign(**{RANK: rows.groupby(CLASS, sort=False).cumcount()})
    CIRCUITS.write(folder, table[list(CIRCUITS.columns)].reset_index(drop=True))
