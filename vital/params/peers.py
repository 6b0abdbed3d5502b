"""Block ``peers``: the methods that VITAL is compared with, and what each of them may spend."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from vital.params.base import (
    BatchSize,
    Block,
    Fraction,
    Natural,
    Pixels,
    Positive,
    PositiveFloat,
    Weight,
    rule_error,
)
from vital.params.visualize import Beta, CoarseParams, PixelParams, ScheduleParams

Budget = Literal["equal", "published"]
"""Steps per image: as many network passes as VITAL takes, or what each method's authors take."""

Share = Annotated[float, Field(gt=0, le=1)]


class PeerParams(Block):
    """``steps`` of a method, by the budget where it is null."""

    published_steps: ClassVar[int]

    steps: Positive | None = None

    @property
    def passes_per_step(self) -> int:
        """How many images the network sees in a step."""
        return 1

    def steps_within(self, budget: Budget, passes: int) -> int:
        """The steps to take where VITAL makes ``passes`` network passes per image."""
        if self.steps is not None:
            return self.steps
        if budget == "published":
            return self.published_steps
        return max(1, passes // self.passes_per_step)


class SteadyParams(PeerParams):
    """Adam at a constant rate, ``lr``."""

    lr: PositiveFloat

    def schedule(self, steps: int) -> ScheduleParams:
        """Adam at a constant rate."""
        return ScheduleParams(steps=steps, lr=self.lr, betas=(0.9, 0.999), warmup=0.0, anneal=False)


class MacoParams(SteadyParams):
    """Magnitude-constrained optimisation: phases only, seen in ``crops`` random crops.

    ``box`` is the range of a crop's side as a share of the image's, ``noise`` is in normalised
    units, ``lr`` in radians. Source of steps, crops and noise: the authors' package Horama
    (``maco``). Its box of 0.20 to 0.25 is for pictures of 1280 pixels: a crop is then larger than
    the 224 pixels that the network takes. Here the picture is as large as that input, and so small
    a crop would be enlarged four times; its rate of 1 is for phases that it divides by their
    deviation.
    """

    published_steps = 1000

    crops: BatchSize = 6
    box: tuple[Share, Share] = (0.5, 1.0)
    noise: Weight = 0.05
    lr: PositiveFloat = 0.1

    @model_validator(mode="after")
    def _box_is_a_range(self) -> Self:
        if self.box[0] > self.box[1]:
            raise rule_error(f"box: {list(self.box)} must go from the smaller to the larger")
        return self

    @property
    def passes_per_step(self) -> int:
        """One per crop."""
        return self.crops


class FourierParams(SteadyParams):
    """Activation maximisation over decorrelated Fourier coefficients.

    ``pad`` and the two ``shifts`` are in pixels, ``scale`` is the largest change of size, and
    ``degrees`` the largest turn. Source of all: Lucent's ``render_vis`` and
    ``standard_transforms``, after Olah et al. 2017, for images of 128 pixels.
    """

    published_steps = 512

    lr: PositiveFloat = 0.05
    pad: Pixels = 12
    shifts: tuple[Pixels, Pixels] = (8, 4)
    scale: Fraction = 0.1
    degrees: Weight = 10.0


class DeepInversionParams(PeerParams):
    """Cross-entropy with priors and the statistics of batch norm, at two resolutions.

    ``coarse`` is the share of the steps that are taken at half the resolution; ``statistics``
    weighs the distance of batch-norm statistics, ``first`` that of the first layer once more.
    Source: Yin et al., "Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion",
    CVPR 2020, and the call that its authors' repository recommends for ImageNet (setting 0: 2000
    steps at half and 1000 at full resolution, lr 0.25, r_feature 0.01, flips).
    """

    published_steps = 3000

    coarse: Fraction = 2 / 3
    lr: PositiveFloat = 0.25
    betas: tuple[Beta, Beta] = (0.5, 0.9)
    jitter: Pixels = 30
    flip: bool = True
    tv: Weight = 1e-4
    l2: Weight = 1e-5
    statistics: Weight = 0.01
    first: Weight = 10.0

    def schedule(self, steps: int) -> PixelParams:
        """A warm-up and a cosine at each resolution."""
        coarse = min(round(self.coarse * steps), steps - 1)
        return PixelParams(
            steps=steps - coarse,
            coarse=CoarseParams(steps=coarse) if coarse else None,
            lr=self.lr,
            betas=self.betas,
            jitter=self.jitter,
            flip=self.flip,
            tv=self.tv,
            l2=self.l2,
        )


class ActivationParams(PeerParams):
    """Plain activation maximisation over pixels, from noise of deviation 0.01.

    Nothing keeps the image natural but what is asked for here. Source: Erhan et al. 2009 for the
    idea; steps, rate and start are those of Lucent for pixels (``param.image(fft=False)``).
    """

    published_steps = 512

    lr: PositiveFloat = 0.05
    jitter: Pixels = 0
    tv: Weight = 0.0
    l2: Weight = 0.0

    def schedule(self, steps: int) -> PixelParams:
        """Adam at a constant rate, within the valid range of pixels."""
        return PixelParams(
            steps=steps,
            lr=self.lr,
            betas=(0.9, 0.999),
            warmup=0.0,
            anneal=False,
            jitter=self.jitter,
            tv=self.tv,
            l2=self.l2,
        )


class PeersParams(Block):
    """The settings of each peer, and the budget of those that name no steps of their own.

    ``redirected``: in so many steps at the start, methods that maximise a response have a gradient
    at units that a rectifier keeps silent (as in Lucid, which takes 16; 0 for none).
    """

    budget: Budget = "equal"
    redirected: Natural = 16
    maco: MacoParams = MacoParams()
    fourier: FourierParams = FourierParams()
    deepinversion: DeepInversionParams = DeepInversionParams()
    activation: ActivationParams = ActivationParams()

    def steps(self, name: str, passes: int) -> int:
        """The steps of a peer where VITAL makes ``passes`` network passes per image."""
        settings: PeerParams = getattr(self, name)
        return settings.steps_within(self.budget, passes)


PEERS = tuple(
    name
    for name, field in PeersParams.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, PeerParams)
)
"""The names of the methods that VITAL is compared with, in their order."""
