"""Networks whose weights an installed package carries, built as timm's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from vital.errors import ModelError
from vital.networks.carried import CLASSES, carried_network, weights_file
from vital.networks.from_timm import build_from_timm
from vital.networks.weight_files import read_state
from vital.networks.weights import load_state


def build_from_package(name: str, kwargs: Mapping[str, Any], pretrained: bool) -> nn.Module:
    """Build the network ``lite/<architecture>``, with ``pretrained`` by its package's weights.

    Raises ModelError for a name or arguments that do not fit, and where the package is missing,
    damaged, or holds other weights than the network has.
    """
    carried = carried_network(name)
    if pretrained:
        check_carried_classes(name, kwargs)
        path = weights_file(name)
    network = build_from_timm(carried.architecture, kwargs, pretrained=False)
    if pretrained:
        load_state(network, read_state(path), f"{name} (the package {carried.package})")
    return network


def check_carried_classes(name: str, kwargs: Mapping[str, Any]) -> None:
    """Raise ModelError where the package's weights have another number of classes."""
    asked = kwargs.get("num_classes", CLASSES)
    if asked != CLASSES:
        package = carried_network(name).package
        raise ModelError(
            f"the weights of {name} in the package {package} have {CLASSES} classes, not {asked}: "
            "give a checkpoint of your own"
        )
