"""The index of a method's visualizations, and the history of their losses."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from vital.params.studied_method import STUDIED
from vital.runtime.files import read_parquet
from vital.units import CLASS_TAP

INDEX_FILE = "index.parquet"
HISTORY_FILE = "history.parquet"

REAL = "real"
"""The row of the metrics that real images have, scored as if a method had made them."""

PHOTOGRAPH = "photograph"
"""The kind of a real image in the embedding."""


def method_order(name: str) -> tuple[bool, bool, str]:
    """The key by which methods are sorted: the studied one, its peers by name, real images."""
    return name == REAL, name != STUDIED, name


def read_index(folder: Path) -> pd.DataFrame:
    """The index of one method's visualizations; ``image`` is relative to ``folder``."""
    return read_parquet(folder / INDEX_FILE)


def read_history(folder: Path) -> pd.DataFrame:
    """The recorded losses of one method's visualizations."""
    return read_parquet(folder / HISTORY_FILE)


def class_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of class units, of a table with a column ``tap``."""
    return table[table["tap"] == CLASS_TAP]


def is_of_class(history: pd.DataFrame) -> pd.Series:
    """For each row of a history, whether its target is a class unit's."""
    return history["target"].astype(str).str.startswith(f"{CLASS_TAP}/")


def class_curves(history: pd.DataFrame) -> pd.DataFrame:
    """The history of class units, without the losses that only inner units have."""
    return history[is_of_class(history)].dropna(axis="columns", how="all")
