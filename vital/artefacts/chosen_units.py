"""The tables of inner units: which were chosen and why; names and columns of all the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vital.runtime.files import read_parquet, write_parquet
from vital.units import Unit, inner_unit

LISTED, TOP, RANDOM, CIRCUIT = "listed", "top-of-class", "random", "circuit"
"""Why a unit was chosen."""

UNITS_FILE = "units.parquet"
UNITS_TYPES = {
    "tap": "str",
    "channel": "int32",
    "why": "str",
    "class": "Int32",
    "class_name": "object",
    "share": "float64",
}
UNITS_COLUMNS = tuple(UNITS_TYPES)

PATCHES_FILE = "references.parquet"
PATCHES_COLUMNS = ("tap", "channel", "rank", "image", "box", "score", "criterion", "patch")

DEAD_FILE = "dead.parquet"
DEAD_COLUMNS = ("tap", "channel")

MASKS_FILE = "masks.parquet"
MASKS_COLUMNS = ("tap", "channel", "rank", "mask")

CIRCUITS_FILE = "circuits.parquet"
CIRCUITS_COLUMNS = ("class", "class_name", "rank", "tap", "channel", "share")


def ranked_file_name(unit: Unit, rank: int) -> str:
    """The name of a unit's ``rank``-th picture: a patch, or the heat map of that patch."""
    return f"{unit.file_name}-{rank:03d}.png"


def units_table(rows: Sequence[Sequence[object]] = ()) -> pd.DataFrame:
    """Rows of tap, channel, why, class, class_name and share as a table."""
    return pd.DataFrame(rows, columns=list(UNITS_COLUMNS)).astype(UNITS_TYPES)


def distinct_units(table: pd.DataFrame) -> list[Unit]:
    """Each unit once, in the order of a table with columns tap and channel."""
    places = zip(table["tap"], table["channel"], strict=True)
    return list(dict.fromkeys(inner_unit(str(tap), int(channel)) for tap, channel in places))


def write_units(folder: Path, table: pd.DataFrame) -> None:
    """Write which units there are: tap, channel, why, class, class_name and share."""
    write_parquet(folder / UNITS_FILE, table)


def read_units(folder: Path) -> pd.DataFrame:
    """What :func:`write_units` wrote."""
    return read_parquet(folder / UNITS_FILE)


def write_circuits(folder: Path, units: pd.DataFrame) -> None:
    """Write the rows that belong to a circuit, ranked within their class."""
    rows = units[units["why"] == CIRCUIT]
    table = rows.assign(rank=rows.groupby("class", sort=False).cumcount())
    write_parquet(folder / CIRCUITS_FILE, table[list(CIRCUITS_COLUMNS)].reset_index(drop=True))
