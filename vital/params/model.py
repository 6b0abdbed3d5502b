"""Block ``model``: the network under study and, for the embedded default, its training."""

from __future__ import annotations

from pydantic import Field, JsonValue

from vital.params.base import Block, Fraction, Positive, PositiveFloat, Weight


class TrainParams(Block):
    """The training recipe of the embedded default network.

    ``noise`` is the largest standard deviation of the added noise in normalised units; ``mixup``
    the parameter of the Beta distribution of mixing (0 for none); ``contrast`` the largest change
    of brightness and contrast; ``grey`` the share of images shown without colour, so that shape
    has to be learnt too; ``shift`` whether images are rolled by random offsets.
    """

    steps: Positive
    batch: Positive
    lr: PositiveFloat
    weight_decay: Weight = 0.05
    noise: Weight = 0.0
    mixup: Weight = 0.0
    label_smoothing: Fraction = 0.0
    contrast: Fraction = 0.0
    grey: Fraction = 0.0
    shift: bool = False


class ModelParams(Block):
    """A network by name, with weights from a file, from the hub or trained here."""

    name: str
    kwargs: dict[str, JsonValue] = Field(default_factory=dict)
    checkpoint: str | None = None
    pretrained: bool = False
    train: TrainParams | None = None
    taps: dict[str, Weight] | None = None
