"""Block ``references``: the image patches that each inner unit responds to most."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vital.params.base import MOST_PIXELS, BatchSize, Block, Positive

Stride = Annotated[float, Field(gt=0, le=1)]


class ReferencesParams(Block):
    """How reference patches of inner units are found (paper section 4).

    All images of the train split are ranked by the unit's response; of the best ``shortlist`` the
    best square of ``patch`` pixels of the network's input is found among those ``stride`` of its
    side apart, and the best ``count`` of these are kept, at most one per image. The response is
    the unit's ``activation`` (ActMax), or its ``relevance`` (RelMax) to the class that the network
    sees.
    """

    count: Positive = 50
    shortlist: Positive = 200
    criterion: Literal["activation", "relevance"] = "activation"
    patch: Annotated[int, Field(gt=0, le=MOST_PIXELS)] = 64
    stride: Stride = 0.5
    batch: BatchSize = 32
    device: str = "auto"
