"""Block ``extract``: which statistics of the reference images are kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from vital.params.base import MOST_PIXELS, BatchSize, Names, Pool, Positive, all_differ, rule_error
from vital.params.ray import PlacedParams


class ExtractParams(PlacedParams):
    """Which taps are read and how many reference images of each class are averaged.

    ``select`` says which: ``random`` ones, or those that the network is most ``confident`` of.
    ``sets``: they are dealt at random into so many sets, which the seeds' images are matched to in
    turn; with one set all are averaged (paper section 3).
    ``pools``: statistics are also kept of the images average-pooled by these numbers of pixels.
    ``knots``: how many values of a quantile function are kept; null: all of them, exactly.
    """

    taps: Names | None = None
    references: Positive
    select: Literal["random", "confident"] = "random"
    sets: Positive = 1
    pools: Annotated[tuple[Pool, ...], AfterValidator(all_differ)] = ()
    knots: Annotated[int, Field(ge=2, le=MOST_PIXELS**2)] | None = None
    batch: BatchSize
    device: str = "auto"

    @model_validator(mode="after")
    def _no_set_is_empty(self) -> ExtractParams:
        if self.sets > self.references:
            raise rule_error(
                f"sets: {self.sets} are more than the {self.references} references of a class"
            )
        return self
