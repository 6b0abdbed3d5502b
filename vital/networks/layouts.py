"""Layouts of weights: the names and shapes that a file may use in place of a network's own."""

from __future__ import annotations

import re
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from vital.errors import listed
from vital.networks.config import named_modules, network_config
from vital.networks.efficientnet_names import by_timms_names
from vital.networks.weight_files import State

PREFIXES = ("module.", "model.", "_orig_mod.")
"""What wrappers around a network put before all of its names, also one after another."""

_OLD_DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..+)")
"""Names from before module names could hold no dots: torchvision's files still have them."""


_RENAMED = "the names of EfficientNet-PyTorch are turned into timm's"


@dataclass(frozen=True)
class Reading:
    """Weights by a network's own names, if the file is read as ``how`` says ("" for as it is)."""

    state: State
    how: str = ""


def readings(network: nn.Module, state: State) -> Iterator[Reading]:
    """All that a file's weights may be, the plainest first.

    They are taken as they are, then without the prefixes of wrappers, then by timm's names where
    EfficientNet-PyTorch gave them its own, then as timm converts what the authors of the network
    published.
    """
    named = [
        Reading(_of_today(bare, network, state), how and f"{how!r} is left out before every name")
        for how, bare in _without_prefixes(state)
    ]
    yield from named
    for reading in named:
        renamed = by_timms_names(network, reading.state)
        if renamed is not None:
            yield _read_further(reading, renamed, _RENAMED, network, state)
    for reading in named:
        converted = _as_published(network, reading.state)
        if converted is not None:
            told = _told(reading.state, converted)
            yield _read_further(reading, converted, told, network, state)


def _read_further(
    reading: Reading, changed: State, told: str, network: nn.Module, read: State
) -> Reading:
    how = "; ".join(filter(None, (reading.how, told)))
    return Reading(_of_today(changed, network, read), how)


def _told(state: State, converted: State) -> str:
    told = f"timm converts its {len(state)} tensors to the network's {len(converted)}"
    resized = [
        name for name in converted if name in state and converted[name].shape != state[name].shape
    ]
    return f"{told}, and resizes {listed(resized)}" if resized else told


def _without_prefixes(state: State) -> Iterator[tuple[str, State]]:
    """The state as it is, and then with ever more of its common prefixes off, and which these are.

    A name that is nothing but a prefix keeps it.
    """
    off = ""
    while True:
        yield off, {name.removeprefix(off): value for name, value in state.items()}
        further = [p for p in PREFIXES if all(name.startswith(off + p) for name in state)]
        if not further or not state:
            return
        off += further[0]


def _of_today(named: State, network: nn.Module, read: State) -> State:
    """The weights by today's names, with the versions of layouts that the file tells.

    Some networks refuse weights that do not tell the version of their layout.
    """
    version = {"": {"version": getattr(network, "_version", None)}}
    told = getattr(read, "_metadata", None)
    result: Any = OrderedDict(
        (_OLD_DENSENET.sub(r"\1\2", name), value) for name, value in named.items()
    )
    result._metadata = told if _are_versions(told) and named.keys() == read.keys() else version
    return result  # type: ignore[no-any-return]


def _are_versions(told: object) -> bool:
    return isinstance(told, Mapping) and all(isinstance(each, Mapping) for each in told.values())


def _as_published(network: nn.Module, state: State) -> State | None:
    """The weights as the function of timm's in the network's module converts them, if there is one.

    It renames, reshapes, leaves out what the network computes, and resizes tables of positions;
    the additional background class of some files goes, too. None where it cannot be trusted.
    """
    home = sys.modules.get(type(network).__module__)
    config = network_config(network)
    if home is None or not home.__name__.startswith("timm.") or "num_classes" not in config:
        return None
    convert = getattr(home, "checkpoint_filter_fn", lambda given, _network: given)
    try:
        # Some of the functions change what they are given.
        once, again = (
            dict(convert({name: state[name].clone() for name in names}, network))
            for names in (list(state), list(state)[::-1])
        )
        if not all(isinstance(value, torch.Tensor) for value in once.values()):
            return None
        if _goes_by_order(state, once, again):
            return None
        for name in named_modules(network, "classifier"):
            _drop_background(network.get_submodule(name), name, once, config)
    except Exception:  # it may raise anything for a file that is none of its kind
        return None
    return once


def _goes_by_order(state: State, once: State, again: State) -> bool:
    """Whether a name of both layouts is given another's weights for its place among them alone.

    Files need not be in the order of the network: safetensors sorts them.
    """
    moved = [
        name for name in once.keys() & state.keys() if not torch.equal(once[name], state[name])
    ]
    return any(name not in again or not torch.equal(once[name], again[name]) for name in moved)


def _drop_background(
    classifier: nn.Module, name: str, state: dict[str, torch.Tensor], config: Mapping[str, Any]
) -> None:
    """Leave out the classes before the network's own, which the configuration counts."""
    additional = config.get("label_offset", 0)
    for part, own in classifier.named_parameters(prefix=name, recurse=False):
        given = state.get(part)
        if additional and given is not None and len(given) == len(own) + additional:
            state[part] = given[additional:]
