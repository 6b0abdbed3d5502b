"""The keywords of a call from Python, checked as a block of params.yaml is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from vital.errors import ParamsError, nearest
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
from vital.params.methods import METHODS
from vital.params.model import PreprocessingParams
from vital.params.peers import PEERS, PeersParams
from vital.params.ray import RayParams
from vital.params.studied_method import STUDIED
from vital.params.visualize import Parametrization, VisualizeParams

OWN_KEYWORDS = ("units", "seeds", "device")
"""Keys of the block visualize that a call takes as keywords of its own."""


OF_THE_WORK = ("batch", "checkpoint_every", "history_every", "precision", "engine", "ray")
"""Keys of the block visualize that hold for every method."""


def _there_is(method: str) -> str:
    if method not in METHODS:
        raise rule_error(f"{method!r} is not known; {nearest(method, METHODS)}")
    return method


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
    method: Annotated[str, AfterValidator(_there_is)] = STUDIED
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


class CallSettings(NamedTuple):
    """How a call's method makes images; of a peer, ``visualize`` says how the work is done."""

    visualize: VisualizeParams
    peers: PeersParams


def check_settings(
    params: Mapping[str, Any],
    defaults: Mapping[Parametrization, Mapping[str, object]],
    method: str,
    with_inner: bool,
) -> CallSettings:
    """The settings of a call from its ``params``.

    For the method under study these are keys of the block visualize, over the ``defaults`` of their
    parametrization, which without one is Fourier coefficients. For a peer they are keys of its own
    block, those that all peers share, and keys of visualize that say how the work is done.
    ``with_inner``: there are inner units among those that are shown.

    Raises ParamsError, too, for what would be without effect.
    """
    check_mapping(params, "params")
    own = [key for key in OWN_KEYWORDS if key in params]
    problems = [f"params: {key!r} has no effect: give the keyword {key}" for key in own]
    if "inner" in params and not with_inner:
        problems.append("params: 'inner' has no effect: the units are classes")
    if problems:
        raise ParamsError("\n".join(problems))
    if method != STUDIED:
        return _settings_of_peer(params, defaults["fourier"], method)
    return CallSettings(_settings_of_studied(params, defaults, with_inner), PeersParams())


def _settings_of_studied(
    params: Mapping[str, Any],
    defaults: Mapping[Parametrization, Mapping[str, object]],
    with_inner: bool,
) -> VisualizeParams:
    asked: Parametrization = "pixels" if params.get("parametrization") == "pixels" else "fourier"
    settings = check_block({**defaults[asked], **params}, "visualize", VisualizeParams)
    _check_ray(settings)
    for key, reason in settings.without_effect(with_inner).items():
        if key.partition(".")[0] in params:
            raise ParamsError(f"params: {key!r} has no effect: {reason}")
    return settings


def _settings_of_peer(
    params: Mapping[str, Any], defaults: Mapping[str, object], method: str
) -> CallSettings:
    own = type(getattr(PeersParams(), method)).model_fields
    shared = PeersParams.model_fields.keys() - set(PEERS)
    problems = [
        f"params: {method} takes no {key!r}; {nearest(key, [*own, *sorted(shared), *OF_THE_WORK])}"
        for key in map(str, params)
        if key not in {*own, *shared, *OF_THE_WORK}
    ]
    if problems:
        raise ParamsError("\n".join(problems))
    of_peer = {key: value for key, value in params.items() if key in own}
    of_peers = {key: value for key, value in params.items() if key in shared}
    of_work = {key: value for key, value in params.items() if key in OF_THE_WORK}
    peers = check_block({**of_peers, method: of_peer}, "peers", PeersParams)
    visualize = check_block({**defaults, **of_work}, "visualize", VisualizeParams)
    _check_ray(visualize)
    return CallSettings(visualize, peers)


def _check_ray(settings: VisualizeParams) -> None:
    if settings.engine == "local" and settings.ray != RayParams():
        raise ParamsError("params: 'ray' has no effect without engine: ray")


def check_mapping(given: object, name: str) -> None:
    """Raise ParamsError unless something holds keys with values."""
    if not isinstance(given, Mapping):
        raise ParamsError(f"{name}: {shown(given)} cannot be used: it must be keys with values")
