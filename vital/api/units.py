"""Which units a call asks for: classes by name or index, channels as TAP:CHANNEL."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vital.errors import ModelError, ParamsError, listed
from vital.methods.record import MethodRecord
from vital.methods.registry import METHODS
from vital.networks.classes import ClassMap
from vital.networks.model import StudiedModel
from vital.networks.taps.reader import find_module, tap_shapes
from vital.units import CLASS_TAP, Unit, inner_unit

_CHANNEL = re.compile(r"(.+):([0-9]{1,9})")


@dataclass(frozen=True)
class AskedUnits:
    """The classes of a network, by index, and the channels; with neither, all classes there are."""

    classes: tuple[int, ...]
    channels: tuple[Unit, ...]


def may_ask_for_channels(units: Iterable[str | int] | None) -> bool:
    """Whether a unit is written as a channel is, which a class may be called, too."""
    return any(_CHANNEL.fullmatch(str(unit)) for unit in units or ())


def find_units(
    units: Sequence[str | int], known: ClassMap, model: StudiedModel, method: str
) -> AskedUnits:
    """The units that are meant; a name that is a class's means the class.

    Raises ParamsError or DataError, with the nearest names, for what the network does not have, and
    for channels where the method makes images of classes only.
    """
    classes, channels = [], []
    for text in map(str, units):
        place = None if known.look_up(text) else _CHANNEL.fullmatch(text)
        if place is not None:
            channels.append(_channel(place[1], int(place[2]), model))
        elif not known.look_up(text) and _is_tap(text, model):
            raise ParamsError(f"units: {text!r} is a tap: say which channel, as in '{text}:0'")
        else:
            classes.append(known.find(text))
    if channels and METHODS[method].of_inner_units is None:
        raise ParamsError(
            f"method: {method} makes images of classes only, not of {_names(channels)}; "
            f"for channels there are {', '.join(_of_channels(METHODS.values()))}"
        )
    return AskedUnits(tuple(dict.fromkeys(classes)), tuple(dict.fromkeys(channels)))


def class_unit(known: ClassMap, index: int) -> Unit:
    """The unit of a class."""
    return Unit(CLASS_TAP, index, known.names[index])


def _channel(tap: str, channel: int, model: StudiedModel) -> Unit:
    try:
        count, _ = tap_shapes(model.network, [tap], model.preprocessing.size)[tap]
    except ModelError as error:
        raise ParamsError(f"units: '{tap}:{channel}': {error}") from None
    if channel >= count:
        raise ParamsError(
            f"units: tap {tap!r} has no channel {channel}; legal here: 0 to {count - 1}"
        )
    return inner_unit(tap, channel)


def _is_tap(name: str, model: StudiedModel) -> bool:
    try:
        find_module(model.network, name)
    except ModelError:
        return False
    return True


def _names(units: Iterable[Unit]) -> str:
    return listed(f"{unit.tap}:{unit.index}" for unit in units)


def _of_channels(methods: Iterable[MethodRecord]) -> list[str]:
    return [method.name for method in methods if method.of_inner_units is not None]
