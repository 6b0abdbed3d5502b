"""data/statistics: the record of which images the statistics of classes are of."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from vital.artefacts.columns import (
    CLASS_NAME,
    LABEL,
    NAME,
    PATH,
    PROBABILITY,
    REFERENCE_SET,
    SHA256,
    TAP,
    UNIT,
)
from vital.artefacts.table import Kind, Table
from vital.units import CLASS_TAP

REFERENCES = Table(
    "references.parquet",
    {
        TAP: Kind.TEXT,
        UNIT: Kind.WHOLE,
        NAME: Kind.TEXT,
        PATH: Kind.TEXT,
        SHA256: Kind.TEXT,
        PROBABILITY: Kind.NUMBER,
        REFERENCE_SET: Kind.WHOLE,
    },
    optional=frozenset({REFERENCE_SET}),
)


def write_references(folder: Path, rows: pd.DataFrame) -> None:
    """Write down which images were used, rows of the manifest with ``probability`` and set."""
    table = rows.rename(columns={LABEL: UNIT, CLASS_NAME: NAME}).assign(**{TAP: CLASS_TAP})
    REFERENCES.write(folder, table[list(REFERENCES.columns)])


def read_references(folder: Path) -> pd.DataFrame:
    """What :func:`write_references` wrote; ``path`` is relative to the folder of images."""
    return REFERENCES.read(folder)
