"""What determines a network's answers besides its weights: classes, attributes, hooks, buffers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from vital.networks.description import Describer
from vital.runtime.files import digest

_INTERNAL = frozenset(vars(nn.Module()))
"""Attributes that every module has; those below are looked at one by one."""

_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


@dataclass(frozen=True)
class Structure:
    """What was found: a digest, the same in every process, and the places that it cannot cover."""

    digest: str
    unknown: tuple[str, ...]


def network_structure(network: nn.Module) -> Structure:
    """Describe each module of the network: its class and that one's source, and what it holds.

    Parameters and buffers that are saved with them are left to the digest of weights.
    """
    names: dict[int, str] = {}
    for name, module in network.named_modules():
        names[id(module)] = name
    describer = Describer(names, _of_module)
    facts = [
        [name, names[id(module)], _of_module(describer, module, name or "the network")]
        for name, module in network.named_modules()
    ]
    tied = [
        [name, names[id(module)]]
        for name, module in network.named_modules(remove_duplicate=False)
        if names[id(module)] != name
    ]
    return Structure(digest([facts, tied]), tuple(describer.unknown))


def unrepeatable() -> str:
    """What makes the identity of a network that cannot be described one that never comes again."""
    return secrets.token_hex(16)


def _of_module(describer: Describer, module: nn.Module, where: str) -> Any:
    if isinstance(module, torch.fx.GraphModule):
        return ["graph", module.code]
    buffers = {name: module._buffers.get(name) for name in module._non_persistent_buffers_set}
    own = {key: value for key, value in vars(module).items() if key not in _INTERNAL}
    return [
        describer.of_class(type(module), where),
        [
            [name, describer.describe(value, f"{where}.{name}")]
            for name, value in sorted(buffers.items())
        ],
        [[key, describer.describe(value, f"{where}.{key}")] for key, value in sorted(own.items())],
        [
            [kind, [describer.describe(hook, f"{where}'s hook") for hook in hooks.values()]]
            for kind in _HOOKS
            if (hooks := getattr(module, kind, None))
        ],
    ]
