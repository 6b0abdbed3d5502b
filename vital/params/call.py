"""The keywords of a call from Python, checked as a block of params.yaml is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, model_validator

from vital.errors import ParamsError
from vital.params.base import (
    Block,
    Classes,
    Names,
    Natural,
    Positive,
    Seed,
    Seeds,
    Side,
    Text,
    check_block,
    rule_error,
)
from vital.params.explain import shown
from vital.params.model import PreprocessingParams
from vital.params.ray import RayParams
from vital.params.visualize import Parametrization, VisualizeParams

OWN_KEYWORDS = ("units", "seeds", "device")
"""Keys of the block visualize that a call takes as keywords of its own."""


class NetworkCall(Block):
    """What is said of a network besides its name and what it is built with."""

    checkpoint: Text | None = None
    weights_key: Text | None = None
    weights: Text | None = None
    classes: Annotated[tuple[str | Natural, ...], Field(min_length=1)] | None = None
    output: Text | int | None = None
    taps: Names | None = None


class VisualizeCall(NetworkCall):
    """What images are made of, and how many; ``size`` is the side of the network's input."""

    preprocessing: PreprocessingParams | None = None
    size: Side | None = None
    units: Classes | None = None
    per_class: Positive | None = None
    sets: Positive | None = None
    seeds: Seeds = 1
    seed: Seed = 0
    device: Text = "auto"
    out: Text | None = None

    @model_validator(mode="after")
    def _has_one_size(self) -> VisualizeCall:
        other = None if self.preprocessing is None else self.preprocessing.size
        if None not in (self.size, other) and other not in (self.size, (self.size, self.size)):
            raise rule_error(
                f"size: {self.size} contradicts the size of preprocessing, {other}: give one"
            )
        return self

    def changes(self) -> dict[str, Any]:
        """What overrides the network's own preprocessing."""
        changes = {} if self.preprocessing is None else self.preprocessing.given()
        return changes if self.size is None else {**changes, "size": (self.size, self.size)}


def check_settings(
    params: Mapping[str, Any], defaults: Mapping[Parametrization, Mapping[str, object]]
) -> VisualizeParams:
    """The block visualize of a call: ``params`` over the ``defaults`` of their parametrization.

    Without one it is Fourier coefficients.

    Raises ParamsError, too, for what would be without effect.
    """
    check_mapping(params, "params")
    own = [key for key in OWN_KEYWORDS if key in params]
    problems = [f"params: {key!r} has no effect: give the keyword {key}" for key in own]
    if "inner" in params:
        problems.append("params: 'inner' has no effect: a call makes images of classes only")
    if problems:
        raise ParamsError("\n".join(problems))
    asked: Parametrization = "pixels" if params.get("parametrization") == "pixels" else "fourier"
    settings = check_block({**defaults[asked], **params}, "visualize", VisualizeParams)
    if settings.engine == "local" and settings.ray != RayParams():
        raise ParamsError("params: 'ray' has no effect without engine: ray")
    for key, reason in settings.without_effect(with_inner=False).items():
        if key in params:
            raise ParamsError(f"params: {key!r} has no effect: {reason}")
    return settings


def check_mapping(given: object, name: str) -> None:
    """Raise ParamsError unless something holds keys with values."""
    if not isinstance(given, Mapping):
        raise ParamsError(f"{name}: {shown(given)} cannot be used: it must be keys with values")
