"""Block ``extract``: which statistics of the reference images are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vital.params.base import Block, Positive


class ExtractParams(Block):
    """Which taps are read and how many reference images of each class are averaged.

    ``pools``: statistics are also kept of the images average-pooled by these numbers of pixels.
    """

    taps: tuple[str, ...] | None = None
    references: Positive
    pools: tuple[Annotated[int, Field(ge=2)], ...] = ()
    batch: Positive
    device: str = "auto"
