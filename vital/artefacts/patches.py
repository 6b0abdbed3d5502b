"""The reference patches of inner units as files: PNGs, a row for each, and which units are dead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from vital.artefacts.chosen_units import (
    DEAD_COLUMNS,
    DEAD_FILE,
    PATCHES_COLUMNS,
    PATCHES_FILE,
)
from vital.runtime.files import read_parquet, write_parquet
from vital.units import Unit

PATCHES_FOLDER = "patches"


def write_no_patches(folder: Path) -> None:
    """Write the tables of a run without inner units."""
    write_patch_tables(folder, [], [])


def write_patch_tables(
    folder: Path, rows: Sequence[Mapping[str, object]], dead: Sequence[Unit]
) -> None:
    """Write a row per patch, and which units are dead."""
    places = [{"tap": unit.tap, "channel": unit.index} for unit in dead]
    write_parquet(folder / PATCHES_FILE, pd.DataFrame(rows, columns=list(PATCHES_COLUMNS)))
    write_parquet(folder / DEAD_FILE, pd.DataFrame(places, columns=list(DEAD_COLUMNS)))


def read_patches(folder: Path) -> pd.DataFrame:
    """A row per patch, by unit and rank; ``patch`` is relative to ``folder``."""
    return read_parquet(folder / PATCHES_FILE)


def patches_of(patches: pd.DataFrame, unit: Unit) -> pd.DataFrame:
    """The rows of one unit, the best first."""
    mine = (patches["tap"] == unit.tap) & (patches["channel"] == unit.index)
    return patches[mine].sort_values("rank")
