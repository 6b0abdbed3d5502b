"""All that can be known of a network before it has weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from vital.errors import ModelError
from vital.networks.build import read_outline
from vital.networks.classes import ClassMap
from vital.networks.config import network_config
from vital.networks.model import StudiedModel, known_classes
from vital.networks.outputs import pick_output
from vital.networks.probe import count_logits
from vital.networks.taps.defaults import choose_taps
from vital.networks.taps.module_outputs import module_outputs
from vital.networks.taps.reader import INPUT_TAP, locate
from vital.networks.untrained import network_kwargs, preprocessing_of
from vital.params.model import ModelParams

_ANY_COUNT = 10
_ANY_SIDE = 224


class UnknownSizeError(ModelError):
    """The network does not run at a stand-in for the size that only the images can tell."""


@dataclass(frozen=True)
class Outline:
    """A network whose weights have no values, with its classes and its default taps.

    ``shapes`` has channels and positions of every tap that can be read, in the order of running.
    ``has_classes`` and ``has_size`` say whether the classes, and the size of its images, are those
    of the run, and not stand-ins for what only the images can tell.
    """

    model: StudiedModel
    shapes: Mapping[str, tuple[int, int]]
    has_classes: bool
    has_size: bool

    def check_tap(self, tap: str) -> None:
        """Raise ModelError for a tap that does not exist or cannot be read."""
        if tap not in self.shapes:
            locate(self.model.network, tap)
            raise ModelError(f"tap {tap!r} is never run, or gives nothing that can be read")


def outline_model(
    params: ModelParams, classes: Sequence[str] | None, cut: tuple[int, int] | None
) -> Outline:
    """The network that the parameters describe, in a run on images of these classes.

    ``cut`` is the (height, width) that images are cut to. None for what is not known.

    Raises ModelError for whatever of the network could not be made: its arguments, its size, the
    number of its classes, its default taps; UnknownSizeError where that cannot be told.
    """
    names = _named_by(params, classes)

    def read(network: nn.Module) -> Outline:
        return _describe(pick_output(network, params.output), params, names, cut)

    count = len(classes or params.classes or ()) or _ANY_COUNT
    return read_outline(read, params.name, network_kwargs(params, count), weights=params.weights)


def _named_by(params: ModelParams, classes: Sequence[str] | None) -> Sequence[str] | None:
    """The classes that it is trained on; none where it has its own; None where nobody can say."""
    if params.train is not None:
        return classes
    return () if params.checkpoint is not None or params.fetched else None


def _describe(
    network: nn.Module,
    params: ModelParams,
    trained_on: Sequence[str] | None,
    cut: tuple[int, int] | None,
) -> Outline:
    sized = params.preprocessing is not None and params.preprocessing.size is not None
    has_size = sized or (cut if params.train is not None else trained_on) is not None
    preprocessing = preprocessing_of(network, params, cut if has_size else _stand_in(network))
    try:
        outputs = module_outputs(network, preprocessing.size)
    except ModelError as error:
        raise error if has_size else UnknownSizeError(str(error)) from None
    given = params.classes or trained_on or ()
    named = known_classes(network, given, preprocessing.size) if given or trained_on == () else ()
    height, width = preprocessing.size
    model = StudiedModel(
        name=params.name,
        network=network,
        preprocessing=preprocessing,
        classes=ClassMap(named, count_logits(network, preprocessing.size)).names,
        taps=choose_taps(network, outputs) if params.taps is None else dict(params.taps),
        sha256="",
    )
    return Outline(
        model,
        {
            INPUT_TAP: (3, height * width),
            **{one.tap: (one.channels, one.positions) for one in outputs},
        },
        has_classes=bool(params.classes) or trained_on is not None,
        has_size=has_size,
    )


def _stand_in(network: nn.Module) -> tuple[int, int] | None:
    """A size for a network that says none of its own."""
    return None if "input_size" in network_config(network) else (_ANY_SIDE, _ANY_SIDE)
