"""What a network says of itself, in the words of timm's ``pretrained_cfg``.

Keys that are read: ``tag`` of its published weights; ``input_size`` (3, height, width), ``mean``,
``std``, ``interpolation`` and ``crop_pct`` of its images; ``label_names`` of its logits; the names
of its modules ``first_conv`` and ``classifier``, each one or several. A module of one's own may
carry any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn


def network_config(network: nn.Module) -> Mapping[str, Any]:
    """The network's ``pretrained_cfg`` or ``default_cfg``; empty where it has neither."""
    config = getattr(network, "pretrained_cfg", None) or getattr(network, "default_cfg", None)
    return config if isinstance(config, Mapping) else {}


def named_modules(network: nn.Module, key: str) -> list[str]:
    """The modules that the configuration names under ``key`` and that the network has."""
    names = network_config(network).get(key) or ()
    modules = dict(network.named_modules())
    listed = [names] if isinstance(names, str) else names
    return [name for name in listed if isinstance(name, str) and name in modules]
