"""Weights from files into networks, and their digest."""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from vital.errors import ModelError, first_line, listed
from vital.networks.layouts import readings
from vital.networks.weight_files import State, read_state, why_unusable

log = logging.getLogger(__name__)

_COUNTER = "num_batches_tracked"
"""What batch norms of old files lack, and frozen ones do not keep; no answer depends on it."""


def load_weights(network: nn.Module, path: Path, key: str | None = None) -> None:
    """Load a checkpoint: safetensors, or a torch file that holds nothing but weights.

    ``key`` names the entry that holds them, where a file has several.

    Raises ModelError when the file is missing, damaged, or does not fit the network.
    """
    load_state(network, read_state(path, key), f"checkpoint {path}")


def load_state(network: nn.Module, state: State, source: str) -> None:
    """Load weights by name, all of them, also as wrappers or the files of the hubs name them.

    Afterwards every weight of the network equals the one given, in the network's type of numbers.

    Raises ModelError, which names the ``source``, for weights that do not fit or are not finite.
    """
    _check_plain(network)
    faults: dict[int, str] = {}
    for reading in readings(network, state):
        fault = _load(network, reading.state)
        if fault is None:
            if reading.how:
                log.info("%s: %s", source, reading.how)
            _check_finite(network, source)
            return
        known = len(reading.state.keys() & network.state_dict().keys())
        faults.setdefault(known, fault)
    raise ModelError(f"{source} does not fit the network: {faults[max(faults)]}")


def _check_plain(network: nn.Module) -> None:
    """A layer without a shape gets it from the file, or else from what is first shown to it."""
    for name, value in network.state_dict().items():
        if not is_lazy(value) and (reason := why_unusable(value)):
            raise ModelError(f"weight {name!r} of the network {reason}")


def _check_finite(network: nn.Module, source: str) -> None:
    for name, value in network.state_dict().items():
        if not torch.isfinite(value).all():
            raise ModelError(f"{source}: {name!r} holds values that are not finite")


def _load(network: nn.Module, state: State) -> str | None:
    """Load the weights and compare; what hinders that, or None.

    Nothing is said here of names that the network's own loading replaces: some networks read the
    names of their earlier versions.
    """
    own = {name: value for name, value in network.state_dict().items() if not is_lazy(value)}
    faults = _other_kinds(own, state)
    if not faults:
        try:
            network.load_state_dict(state)
        except Exception as error:  # a module's own loading may raise anything
            faults = _other_names(own, state) + _other_shapes(own, state)
            faults = faults or [f"the network's own loading fails with {type(error).__name__}: "
                                f"{first_line(error)}"]  # fmt: skip
        else:
            left = _not_taken(network.state_dict(), state)
            faults = [f"the network does not take {listed(left)} as given"] if left else []
    return "; ".join(faults) or None


def _other_names(own: State, state: State) -> list[str]:
    missing = [name for name in own if name not in state]
    unknown = [name for name in state if name not in own]
    return [f"it lacks {listed(missing)}"] * bool(missing) + [
        f"the network has no {listed(unknown)}"
    ] * bool(unknown)


def _other_shapes(own: State, state: State) -> list[str]:
    wrong = [name for name in own if name in state and own[name].shape != state[name].shape]
    return _told(wrong, [(tuple(state[name].shape), tuple(own[name].shape)) for name in wrong[:1]])


def _other_kinds(own: State, state: State) -> list[str]:
    """Whole numbers are no weights of an own that has fractions, and the other way round."""
    wrong = [
        name
        for name in own
        if name in state and _kind(own[name]) != _kind(state[name]) and not name.endswith(_COUNTER)
    ]
    return _told(wrong, [(state[name].dtype, own[name].dtype) for name in wrong[:1]])


def _told(names: list[str], first: list[tuple[object, object]]) -> list[str]:
    more = f", and {len(names) - 1} more differ" if len(names) > 1 else ""
    return [f"{names[0]!r} is {given}, the network's {wanted}{more}" for given, wanted in first]


def _kind(value: torch.Tensor) -> tuple[bool, bool, bool]:
    return value.is_floating_point(), value.is_complex(), value.dtype is torch.bool


def _not_taken(own: State, state: State) -> list[str]:
    """Names whose weights differ, and those that only one side has with no like on the other."""
    wrong = [name for name in own if name in state and not _same(own[name], state[name])]
    spare = {name: state[name] for name in state if name not in own and not name.endswith(_COUNTER)}
    for name in own:
        if name in state or name.endswith(_COUNTER):
            continue
        like = next((each for each in spare if _same(own[name], spare[each])), None)
        if like is None:
            wrong.append(name)
        else:
            del spare[like]
    return [*wrong, *spare]


def _same(own: torch.Tensor, given: torch.Tensor) -> bool:
    """Bit by bit, in the network's type of numbers, which may round; an axis of one may be gone."""
    if own.shape != given.shape and (own.ndim or given.numel() != 1):
        return False
    if not own.is_floating_point() and not torch.equal(own.to(given).reshape(given.shape), given):
        return False
    return torch.equal(_bytes(own), _bytes(given.to(own.dtype)))


def _bytes(value: torch.Tensor) -> torch.Tensor:
    return value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)


def state_digest(network: nn.Module) -> str:
    """The sha256 of a network's weights, for a network that comes from no file of ours.

    Raises ModelError for a network that keeps anything but dense tensors.
    """
    total = hashlib.sha256()
    for name, value in network.state_dict().items():
        if reason := why_unusable(value):
            raise ModelError(f"weight {name!r} of the network {reason}")
        total.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        total.update(_bytes(value).numpy().tobytes())
    return total.hexdigest()
