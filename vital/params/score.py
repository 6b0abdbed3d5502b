"""Block ``score``: how the visualizations are judged."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from vital.params.base import Block, Positive


class ScoreParams(Block):
    """Settings of the metrics and of the embedding that the report draws."""

    kid_subsets: Positive = 100
    perplexity: Annotated[float, Field(gt=1)] = 15.0
    batch: Positive = 64
    device: str = "auto"
