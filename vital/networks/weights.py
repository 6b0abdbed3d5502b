"""Weights from files into networks, and their digest."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from timm.models import load_pretrained
from torch import nn

from vital.errors import ModelError, first_line

State = Mapping[str, torch.Tensor]
"""Weights by name; one read from a torch file may carry its modules' versions as ``_metadata``."""

_OLD_DENSENET = re.compile(r"(.*denselayer\d+\.(?:norm|conv))\.([12]\..+)")
"""Names from before module names could hold no dots: torchvision's files still have them."""


def load_weights(network: nn.Module, path: Path) -> None:
    """Load a checkpoint: safetensors, or a torch file that holds nothing but weights.

    Raises ModelError when the file is missing, damaged, or does not fit the network.
    """
    load_state(network, read_state(path), f"checkpoint {path}")


def load_state(network: nn.Module, state: State, source: str) -> None:
    """Load weights by name, all of them, also as the files of the hubs name them.

    Raises ModelError, which names the ``source``, for weights that do not fit or are not finite.
    """
    named = _named(state, network)
    try:
        network.load_state_dict(named)
    except RuntimeError as error:
        if not _load_as_published(network, named):
            raise ModelError(f"{source} does not fit the network: {_summary(error)}") from None
    for name, value in network.state_dict().items():
        if not torch.isfinite(value).all():
            raise ModelError(f"{source}: {name!r} holds values that are not finite")


def read_state(path: Path) -> State:
    """The weights of a checkpoint by name, as :func:`load_weights` reads them.

    Raises ModelError when the file is missing, damaged or holds anything else.
    """
    if not path.is_file():
        raise ModelError(f"checkpoint {path} does not exist")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # every damaged or disallowed file ends here, whatever its loader
        raise ModelError(f"checkpoint {path} cannot be read: {first_line(error)}") from None
    for wrapper in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not all(torch.is_tensor(v) for v in state.values()):
        raise ModelError(f"checkpoint {path} holds no table of weights")
    return state


def _named(state: State, network: nn.Module) -> State:
    """The names of today, for the network itself and not for a wrapper around it."""
    wrapped = not hasattr(network, "module") and all(name.startswith("module.") for name in state)
    prefix = "module." if wrapped else ""
    named: Any = OrderedDict(
        (_OLD_DENSENET.sub(r"\1\2", name.removeprefix(prefix)), value)
        for name, value in state.items()
    )
    # Some networks refuse weights that do not tell the version of their layout.
    version = {"": {"version": getattr(network, "_version", None)}}
    named._metadata = version if wrapped else getattr(state, "_metadata", version)
    return named  # type: ignore[no-any-return]


def _load_as_published(network: nn.Module, state: State) -> bool:
    """Load the file of a timm network's authors as timm itself does; whether that was possible.

    timm converts such files by a function in the network's module, and leaves out the additional
    background class of some.
    """
    config = getattr(network, "pretrained_cfg", None) or {}
    home = sys.modules[type(network).__module__]
    if not home.__name__.startswith("timm.") or "num_classes" not in config:
        return False
    convert = getattr(home, "checkpoint_filter_fn", None)
    given = {**config, "state_dict": dict(state)}
    try:
        load_pretrained(network, given, config["num_classes"], filter_fn=convert)
    except Exception:  # a converter may raise anything for a file that is none of its kind
        return False
    return True


def _summary(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines()[1:] if line.strip()]
    return " ".join(lines)[:400]


def state_digest(network: nn.Module) -> str:
    """The sha256 of a network's weights, for a network that comes from no file of ours."""
    total = hashlib.sha256()
    for name, value in network.state_dict().items():
        total.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        total.update(
            value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        )
    return total.hexdigest()
