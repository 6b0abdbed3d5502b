"""data/units: which inner units were chosen, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from vital.artefacts.columns import CHANNEL, CLASS_NAME, SHARE, TAP
from vital.artefacts.table import Kind, Table
from vital.units import Unit, inner_unit

WHY = "why"
"""One of the reasons below."""
CLASS = "class"
"""The index of the class that a unit was chosen for, if it was for one."""

LISTED, TOP, RANDOM, CIRCUIT = "listed", "top-of-class", "random", "circuit"
"""Why a unit was chosen."""

UNITS = Table(
    "units.parquet",
    {
        TAP: Kind.TEXT,
        CHANNEL: Kind.WHOLE,
        WHY: Kind.TEXT,
        CLASS: Kind.WHOLE,
        CLASS_NAME: Kind.TEXT,
        SHARE: Kind.NUMBER,
    },
)
_DTYPES = {
    TAP: "str",
    CHANNEL: "int32",
    WHY: "str",
    CLASS: "Int32",
    CLASS_NAME: "object",
    SHARE: "float64",
}


def units_table(rows: Sequence[Sequence[object]] = ()) -> pd.DataFrame:
    """Rows of tap, channel, why, class, class_name and share as a table."""
    return pd.DataFrame(rows, columns=list(UNITS.columns)).astype(_DTYPES)


def distinct_units(table: pd.DataFrame) -> list[Unit]:
    """Each unit once, in the order of a table with columns tap and channel."""
    places = zip(table[TAP], table[CHANNEL], strict=True)
    return list(dict.fromkeys(inner_unit(str(tap), int(channel)) for tap, channel in places))


def write_units(folder: Path, table: pd.DataFrame) -> None:
    """Write which units there are: tap, channel, why, class, class_name and share."""
    UNITS.write(folder, table)


def read_units(folder: Path) -> pd.DataFrame:
    """What :func:`write_units` wrote."""
    return UNITS.read(folder)
