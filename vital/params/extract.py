"""Block ``extract``: which statistics of the reference images are kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vital.params.base import Positive
from vital.params.ray import PlacedParams


class ExtractParams(PlacedParams):
    """Which taps are read and how many reference images of each class are averaged.

    ``select`` says which: ``random`` ones, or those that the network is most ``confident`` of.
    ``pools``: statistics are also kept of the images average-pooled by these numbers of pixels.
    ``knots``: how many values of a quantile function are kept; null: all of them, exactly.
    """

    taps: tuple[str, ...] | None = None
    references: Positive
    select: Literal["random", "confident"] = "random"
    pools: tuple[Annotated[int, Field(ge=2)], ...] = ()
    knots: Annotated[int, Field(ge=2)] | None = None
    batch: Positive
    device: str = "auto"
