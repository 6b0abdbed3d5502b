"""The record of which images the statistics are of."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from vital.runtime.files import read_parquet, write_parquet
from vital.units import CLASS_TAP

REFERENCES_FILE = "references.parquet"
REFERENCES_COLUMNS = ("tap", "unit", "name", "path", "sha256", "probability")


def write_references(folder: Path, rows: pd.DataFrame) -> None:
    """Write down which images were used: tap, unit, name, path, sha256 and probability."""
    table = rows.rename(columns={"label": "unit", "class_name": "name"}).assign(tap=CLASS_TAP)
    write_parquet(folder / REFERENCES_FILE, table[list(REFERENCES_COLUMNS)])


def read_references(folder: Path) -> pd.DataFrame:
    """What :func:`write_references` wrote; ``path`` is relative to the folder of images."""
    return read_parquet(folder / REFERENCES_FILE)
