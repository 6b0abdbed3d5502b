"""Block ``visualize``: targets, and how each image is optimised."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from vital.params.base import (
    BatchSize,
    Block,
    Fraction,
    Natural,
    Pixels,
    Pool,
    Positive,
    PositiveFloat,
    Seeds,
    Text,
    Weight,
    all_differ,
    rule_error,
)
from vital.params.ray import PlacedParams

Precision = Literal["float32", "tf32", "bfloat16"]
"""``tf32`` is how a GPU multiplies, ``bfloat16`` how it and some CPUs do; sorting, sums, losses and
images stay float32."""

Units = Annotated[tuple[Text | Natural, ...], AfterValidator(all_differ)]
"""Classes by name or index; none where only inner units are shown."""

ChangeOfSize = Annotated[float, Field(ge=0, le=0.5)]

Beta = Annotated[float, Field(ge=0, lt=1)]


class CoarseParams(Block):
    """A first phase in which image and references are average-pooled by ``pool`` (``multires``)."""

    steps: Positive
    pool: Pool = 2


class PolishParams(Block):
    """A last phase, over the pixels themselves: ``lr`` is in normalised units."""

    steps: Positive
    lr: PositiveFloat


class ScheduleParams(Block):
    """How long images are optimised, and how fast: Adam's settings and its learning rate.

    ``warmup`` is a fraction of ``steps``, in which the rate rises; with ``anneal`` it falls to 0
    afterwards. A ``coarse`` phase comes before these steps and a ``polish`` after them, each with
    its own warm-up.
    """

    steps: Positive
    coarse: CoarseParams | None = None
    polish: PolishParams | None = None
    lr: PositiveFloat
    betas: tuple[Beta, Beta] = (0.5, 0.9)
    eps: PositiveFloat = 1e-8
    warmup: Fraction = 0.05
    anneal: bool = True


class PixelParams(ScheduleParams):
    """What determines an image that is optimised as pixels, besides its target.

    ``lr`` is in normalised units, ``jitter`` in pixels; in a coarse phase the jitter is divided by
    its pool. ``scale`` is the largest change of size with which the image is shown, about its
    middle: 0.1 for 0.9 to 1.1 times. ``tv`` and ``l2`` weigh the two image priors.
    """

    jitter: Pixels = 30
    scale: ChangeOfSize = 0.0
    flip: bool = False
    clamp: bool = True
    tv: Weight = 0.0
    l2: Weight = 0.0


Parametrization = Literal["pixels", "fourier"]
"""The numbers that an image is made of."""


class SpectrumParams(Block):
    """Fourier coefficients of an image, in colours that the run's own images decorrelate.

    They start from normal noise of the deviation ``start``, and each is divided by its frequency to
    the power ``exponent``. The defaults are Lucid's (Olah et al. 2017).
    """

    start: Weight = 0.01
    exponent: Annotated[float, Field(ge=0, le=4)] = 1.0


class MethodParams(PixelParams):
    """What determines an image besides its target (paper section 3, appendix settings).

    ``parametrization`` says what of an image is changed: its pixels, as in the paper, or its waves,
    as the block ``fourier`` describes them. ``lr`` is in units of what is changed: 0.05 suits
    Fourier coefficients, 0.3 pixels. ``clamp`` concerns pixels alone, those of a ``polish`` too.
    A coarse phase needs statistics of equally pooled references (extract.pools).
    ``tap_weights`` gives a weight per tap (null: the model's defaults); the ``inverse_variance``
    weighting divides each by the variance of the tap's target quantile functions, since taps
    differ widely in scale. ``matching`` says what of the distributions is matched: sorted values,
    means and standard deviations, or all of them by maximum mean discrepancy.
    """

    parametrization: Parametrization = "pixels"
    fourier: SpectrumParams = SpectrumParams()
    tap_weights: dict[str, Weight] | None = None
    weighting: Literal["plain", "inverse_variance"] = "plain"
    matching: Literal["sort", "moments", "mmd"] = "sort"
    feat_dist: Weight = 1.0

    @property
    def changes_pixels(self) -> bool:
        """Whether any phase is over the pixels themselves."""
        return self.parametrization == "pixels" or self.polish is not None


class InnerParams(Block):
    """How images of inner units differ from those of classes; null: they do not.

    ``masks_every``: the masks of the images being made are computed anew every so many steps, and
    jitter and scale are drawn anew with them (paper section 4: every step). A ``coarse`` phase and
    a ``polish`` are their own, too: with null they have none.
    """

    steps: Positive | None = None
    coarse: CoarseParams | None = None
    polish: PolishParams | None = None
    lr: PositiveFloat | None = None
    jitter: Pixels | None = None
    scale: ChangeOfSize | None = None
    parametrization: Parametrization | None = None
    fourier: SpectrumParams | None = None
    tap_weights: dict[str, Weight] | None = None
    weighting: Literal["plain", "inverse_variance"] | None = None
    tv: Weight | None = None
    l2: Weight | None = None
    batch: BatchSize | None = None
    masks_every: Positive = 1

    @model_validator(mode="after")
    def _the_fine_phase_begins_with_new_masks(self) -> InnerParams:
        if self.coarse is not None and self.coarse.steps % self.masks_every:
            raise rule_error(
                f"coarse.steps: {self.coarse.steps} must be a multiple of masks_every, which is "
                f"{self.masks_every}"
            )
        return self


class VisualizeParams(MethodParams, PlacedParams):
    """The targets of a run, the physical batch, how often work is saved, how the network is run.

    ``precision`` is that of the network's products while images are made: a GPU's ``tf32``, exact
    ``float32``, or ``bfloat16``, of GPUs and of CPUs that multiply it. ``compile`` makes classes'
    steps faster on a GPU, after half a minute. Both change an image as another machine would: not
    what it shows, but its bytes.
    """

    units: Units | Literal["all"] = "all"
    seeds: Seeds = 1
    batch: BatchSize = 8
    checkpoint_every: Positive = 50
    history_every: Positive = 10
    device: str = "auto"
    precision: Precision = "tf32"
    compile: bool = False
    inner: InnerParams = InnerParams()

    @model_validator(mode="after")
    def _compiled_here_only(self) -> VisualizeParams:
        if self.compile and self.engine == "ray":
            raise rule_error("compile: true needs engine: local: Ray cannot send it to workers")
        return self

    @model_validator(mode="after")
    def _checkpoints_fall_on_new_masks(self) -> VisualizeParams:
        if self.checkpoint_every % self.inner.masks_every:
            raise rule_error(
                f"checkpoint_every: {self.checkpoint_every} must be a multiple of "
                f"inner.masks_every, which is {self.inner.masks_every}"
            )
        return self

    def method(self) -> MethodParams:
        """The part that determines an image's bytes once its target is given."""
        return MethodParams(**{name: getattr(self, name) for name in MethodParams.model_fields})

    def for_inner(self) -> VisualizeParams:
        """The same with what is different for inner units."""
        own = {name: value for name, value in self.inner if name != "masks_every"}
        changes = {name: value for name, value in own.items() if value is not None}
        phases = {"coarse": self.inner.coarse, "polish": self.inner.polish}
        return self.model_copy(update={**changes, **phases})

    def without_effect(self, with_inner: bool) -> dict[str, str]:
        """For each key that changes no image, why; ``with_inner``: inner units are shown, too."""
        inner = self.for_inner() if with_inner else self
        own = self.inner.fourier if with_inner else None
        described = {self.parametrization, *(() if own else (inner.parametrization,))}
        unused = {}
        if not (self.clamp or self.changes_pixels or inner.changes_pixels):
            unused["clamp"] = "parametrization is fourier, whose images have no invalid pixels"
        if self.fourier != SpectrumParams() and "fourier" not in described:
            unused["fourier"] = "parametrization is pixels"
        if own and inner.parametrization == "pixels":
            unused["inner.fourier"] = "images of inner units are made of pixels"
        return unused
