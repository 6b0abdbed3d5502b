"""Block ``model``: the network under study and, for the embedded default, its training."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, model_validator

from vital.params.base import (
    HUGE,
    BatchSize,
    Block,
    Fraction,
    Positive,
    PositiveFloat,
    Side,
    Text,
    Weight,
    rule_error,
)

ClassNames = Annotated[tuple[str, ...], Field(min_length=1)]
"""Of logits, in their order: two may have one name."""

Finite = Annotated[float, Field(ge=-HUGE, le=HUGE, allow_inf_nan=False)]


class TrainParams(Block):
    """The training recipe of the embedded default network.

    ``noise`` is the largest standard deviation of the added noise in normalised units; ``mixup``
    the parameter of the Beta distribution of mixing (0 for none); ``contrast`` the largest change
    of brightness and contrast; ``grey`` the share of images shown without colour, so that shape
    has to be learnt too; ``shift`` whether images are rolled by random offsets.
    """

    steps: Positive
    batch: BatchSize
    lr: PositiveFloat
    weight_decay: Weight = 0.05
    noise: Weight = 0.0
    mixup: Weight = 0.0
    label_smoothing: Fraction = 0.0
    contrast: Fraction = 0.0
    grey: Fraction = 0.0
    shift: bool = False


class PreprocessingParams(Block):
    """What the network's own preprocessing does not say, or what shall be otherwise.

    ``size`` is the side of its input in pixels, or (height, width); ``mean`` and ``std`` are per
    colour, for pixels in 0..1; ``crop_pct`` is the cropped share of the resized image's side.
    """

    size: Side | tuple[Side, Side] | None = None
    mean: tuple[Finite, Finite, Finite] | None = None
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] | None = None
    interpolation: Literal["bilinear", "bicubic", "nearest", "lanczos"] | None = None
    crop_pct: Annotated[float, Field(gt=0, le=1)] | None = None

    def given(self) -> dict[str, Any]:
        """The fields that are set, as those of Preprocessing."""
        fields = self.model_dump(exclude_none=True)
        if isinstance(self.size, int):
            fields["size"] = (self.size, self.size)
        return fields


class ModelParams(Block):
    """A network by name, with weights from a file, published ones, or trained here.

    ``weights`` names an entry of torchvision's weights, ``weights_key`` the entry of the checkpoint
    that holds them where it has several; ``classes`` its logits (null: as the network does, or
    those of ImageNet, or those it is trained on here). ``output`` says which of several outputs
    the logits are: an attribute, a key or an index.
    """

    name: Text
    kwargs: dict[str, JsonValue] = Field(default_factory=dict)
    checkpoint: Text | None = None
    weights_key: Text | None = None
    pretrained: bool = False
    weights: Text | None = None
    train: TrainParams | None = None
    preprocessing: PreprocessingParams | None = None
    classes: ClassNames | None = None
    output: Text | int | None = None
    taps: Annotated[dict[str, Weight], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _has_what_the_key_chooses_from(self) -> Self:
        if self.weights_key is not None and self.checkpoint is None:
            raise rule_error(f"has weights_key {self.weights_key!r}, but no checkpoint")
        return self

    @property
    def fetched(self) -> bool:
        """Whether published weights are asked for, by ``pretrained`` or by their name alone."""
        named = self.weights is not None and self.checkpoint is None and self.train is None
        return self.pretrained or named
