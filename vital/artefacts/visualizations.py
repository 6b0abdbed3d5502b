"""data/visualizations: a method's PNGs, their index, and the history of their losses."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from vital.artefacts.columns import IMAGE, METHOD, NAME, PROBABILITY, SEED, TAP, UNIT
from vital.artefacts.table import Kind, Table
from vital.params.studied_method import STUDIED
from vital.units import CLASS_TAP, Target

TRANSPARENT = "transparent"
"""An inner unit's image with its background cut away, as ``image``; classes have none."""
STEPS = "steps"
LOSS = "loss"
"""The total; its parts are ``loss_<part>``, as :func:`loss_column` names them."""
ACTIVATION = "activation"
"""How strongly the unit responds to the image."""
TARGET = "target"
"""A target's id."""
STEP = "step"

INDEX = Table(
    "index.parquet",
    {
        METHOD: Kind.TEXT,
        TAP: Kind.TEXT,
        UNIT: Kind.WHOLE,
        NAME: Kind.TEXT,
        SEED: Kind.WHOLE,
        IMAGE: Kind.TEXT,
        TRANSPARENT: Kind.TEXT,
        STEPS: Kind.WHOLE,
        LOSS: Kind.NUMBER,
        ACTIVATION: Kind.NUMBER,
        PROBABILITY: Kind.NUMBER,
    },
    optional=frozenset({METHOD, TRANSPARENT, STEPS, LOSS, ACTIVATION, PROBABILITY}),
)
HISTORY = Table(
    "history.parquet",
    {METHOD: Kind.TEXT, TARGET: Kind.TEXT, STEP: Kind.WHOLE, LOSS: Kind.NUMBER},
)

REAL = "real"
"""The row of the metrics that real images have, scored as if a method had made them."""

PHOTOGRAPH = "photograph"
"""The kind of a real image in the embedding."""

PRIORS = ("tv", "l2")
"""The parts of the loss that are of no tap."""

_IMAGES_FOLDER = "images"
_TRANSPARENT_FOLDER = "transparent"
_LOSS_PART = "loss_"


def method_order(name: str) -> tuple[bool, bool, str]:
    """The key by which methods are sorted: the studied one, its peers by name, real images."""
    return name == REAL, name != STUDIED, name


def image_path(target: Target) -> str:
    """Where a target's PNG lies, relative to the folder of its method.

    Its name is :attr:`vital.units.Target.file_name`.
    """
    return f"{_IMAGES_FOLDER}/{target.file_name}"


def transparent_path(target: Target) -> str | None:
    """Where an inner unit's transparent PNG lies, as :func:`image_path`; classes have none."""
    if target.unit.tap == CLASS_TAP:
        return None
    return f"{_TRANSPARENT_FOLDER}/{target.file_name}"


def loss_column(part: str) -> str:
    """The column of a part of the loss: a tap's, or a prior's."""
    return f"{_LOSS_PART}{part}"


def loss_part(column: str) -> str:
    """The part that a column is of, as :func:`loss_column`; of the total, nothing."""
    return "" if column == LOSS else column.removeprefix(_LOSS_PART)


def is_loss(column: str) -> bool:
    """Whether a column holds the total loss or a part of it."""
    return column == LOSS or column.startswith(_LOSS_PART)


def read_index(folder: Path) -> pd.DataFrame:
    """The index of one method's visualizations; ``image`` is relative to ``folder``."""
    return INDEX.read(folder)


def read_history(folder: Path) -> pd.DataFrame:
    """The recorded losses of one method's visualizations."""
    return HISTORY.read(folder)


def class_rows(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of class units, of a table with a column ``tap``."""
    return table[table[TAP] == CLASS_TAP]


def is_of_class(history: pd.DataFrame) -> pd.Series:
    """For each row of a history, whether its target is a class unit's."""
    return history[TARGET].astype(str).str.startswith(f"{CLASS_TAP}/")


def class_curves(history: pd.DataFrame) -> pd.DataFrame:
    """The history of class units, without the losses that only inner units have."""
    return history[is_of_class(history)].dropna(axis="columns", how="all")
