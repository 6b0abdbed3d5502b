"""Block ``data``: which images the prepare stage collects."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vital.params.base import Block, Positive


class PerClass(Block):
    """How many images of each class go into each split."""

    train: Positive
    validation: Positive
    heldout: Annotated[int, Field(ge=4)]


class DataParams(Block):
    """Where images come from, how large they are cut and how many there are of each class."""

    source: Literal["photographs"]
    size: Annotated[int, Field(ge=16)]
    per_class: PerClass
    classes: tuple[str, ...] | None = None
