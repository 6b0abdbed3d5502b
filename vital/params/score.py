"""Block ``score``: how the visualizations are judged."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator

from vital.params.base import MOST, BatchSize, Block, Positive, Text, rule_error
from vital.params.model import PreprocessingParams

Draws = Annotated[int, Field(gt=0, le=100_000)]
"""How often something is drawn: each takes time, and all of them memory."""


class ClipParams(Block):
    """A CLIP model of open_clip: its architecture, and the file with its weights.

    ``templates`` turn a class's name, put for ``{}``, into the prompts that stand for it.
    ``preprocessing`` is what differs from CLIP's usual means and deviations.
    """

    model: Text = "ViT-B-32"
    checkpoint: Text
    templates: Annotated[tuple[str, ...], Field(min_length=1)] = ("a photo of a {}.",)
    preprocessing: PreprocessingParams | None = None

    @field_validator("templates")
    @classmethod
    def _hold_one_name(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        for template in templates:
            bare = template.replace("{}", "", 1)
            if bare == template or "{" in bare or "}" in bare:
                raise rule_error(f"holds {template!r}, which needs exactly one {{}} for the name")
        return templates


class ScoreParams(Block):
    """Settings of the metrics and of the embedding that the report draws.

    ``neighbours`` is how many real images vote on a label; ``resamples`` how often classes are
    drawn for intervals of ``confidence``; ``inception`` the file of torch-fidelity's Inception-v3
    weights. Without ``clip`` or ``inception`` the metrics that need them are null.
    """

    kid_subsets: Draws = 100
    neighbours: Positive = 5
    resamples: Draws = 2000
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    clip: ClipParams | None = None
    inception: Text | None = None
    perplexity: Annotated[float, Field(gt=1, le=MOST)] = 15.0
    batch: BatchSize = 64
    device: str = "auto"
