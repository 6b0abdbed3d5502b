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

from vital.errors import ModelError
from vital.images.preprocessing import Preprocessing

_SHARED_FIELDS = ("mean", "std", "interpolation", "crop_pct")
"""Fields of :class:`Preprocessing` that have the same name in a network's configuration."""


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


def _sides(input_size: Any) -> Any:
    """Height and width of (3, height, width); what is of another form is left to be refused."""
    return input_size[-2:] if isinstance(input_size, list | tuple) else input_size


def network_preprocessing(network: nn.Module, changes: Mapping[str, Any]) -> Preprocessing:
    """How a network wants its input, by its own configuration except for ``changes``.

    ``changes`` has fields of :class:`Preprocessing`. Raises ModelError that names what neither the
    configuration nor ``changes`` says, or a value that cannot be used.
    """
    config = network_config(network)
    own = {name: config[name] for name in _SHARED_FIELDS if name in config}
    if "input_size" in config:
        own["size"] = _sides(config["input_size"])
    fields = {**own, **changes}
    missing = [name for name in ("size", "mean", "std") if name not in fields]
    if missing:
        raise ModelError(
            "the network does not say how it wants its images: give preprocessing "
            f"({', '.join(missing)})"
        )
    try:
        return Preprocessing.from_dict(fields)
    except (TypeError, ValueError, IndexError) as error:
        raise ModelError(f"the network's preprocessing {fields} cannot be used: {error}") from None
