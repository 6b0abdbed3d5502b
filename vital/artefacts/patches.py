"""The reference patches of inner units as files: PNGs, a row for each, and which units are dead."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from vital.artefacts.chosen_units import (
    DEAD_COLUMNS,
    DEAD_FILE,
    PATCHES_COLUMNS,
    PATCHES_FILE,
    ranked_file_name,
)
from vital.images.files import write_png
from vital.runtime.files import read_parquet, write_parquet
from vital.runtime.progress import progress_bar
from vital.units import Unit

if TYPE_CHECKING:
    from vital.references.patches import Patch, PatchFinder

log = logging.getLogger(__name__)

PATCHES_FOLDER = "patches"


def write_patches(
    folder: Path,
    finder: PatchFinder,
    found: Mapping[Unit, Sequence[Patch]],
    paths: Sequence[str],
    criterion: str,
) -> dict[str, float]:
    """Write every patch as a PNG below ``folder``, the tables, and return what was counted.

    ``paths`` names the images by row. Units without a patch are reported as dead.
    """
    rows: list[dict[str, object]] = []
    for unit, patches in progress_bar(
        found.items(), total=len(found), label="write patches", unit="units"
    ):
        for rank, patch in enumerate(patches):
            name = f"{PATCHES_FOLDER}/{ranked_file_name(unit, rank)}"
            write_png(folder / name, finder.array(patch))
            place = {"tap": unit.tap, "channel": unit.index, "rank": rank}
            kept = {"image": paths[patch.row], "box": list(patch.box), "score": patch.score}
            rows.append({**place, **kept, "criterion": criterion, "patch": name})
    dead = [unit for unit, patches in found.items() if not patches]
    for unit in dead:
        log.warning("unit %s never fires: it is left out", unit.id)
    _write_tables(folder, rows, dead)
    return {"units": len(found) - len(dead), "dead_units": len(dead), "patches": len(rows)}


def write_no_patches(folder: Path) -> None:
    """Write the tables of a run without inner units."""
    _write_tables(folder, [], [])


def _write_tables(folder: Path, rows: Sequence[Mapping[str, object]], dead: Sequence[Unit]) -> None:
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
