"""Outlines of published networks, each built once."""

from __future__ import annotations

from functools import cache

from torch import nn

from vital.networks.build import outline_network
from vital.networks.config import network_config


@cache
def outline(name: str) -> nn.Module:
    """The network without its values."""
    return outline_network(name, {})


def own_size(network: nn.Module) -> tuple[int, int]:
    """The (height, width) of the images that the network was made for."""
    return network_config(network)["input_size"][-2:]
