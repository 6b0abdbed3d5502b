"""Build a network by name, from one of four places."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import nn

from vital.errors import ModelError
from vital.networks.accepted import with_plain_weights
from vital.networks.carried import is_carried
from vital.networks.factories import PREFIX, build_from_factory
from vital.networks.from_package import build_from_package, check_carried_classes
from vital.networks.from_timm import build_from_timm, check_published_classes
from vital.networks.from_torchvision import build_from_torchvision
from vital.runtime.devices import device_of

log = logging.getLogger(__name__)

Read = TypeVar("Read")

NAMES = (
    "timm/<architecture>, torchvision/<architecture>, lite/<architecture> or "
    "python:<package.module>:<factory>"
)


def build_network(
    name: str, kwargs: Mapping[str, Any], *, pretrained: bool = False, weights: str | None = None
) -> nn.Module:
    """Build the network of this name with its keyword arguments, as :data:`NAMES` says.

    ``pretrained`` fetches the weights that its origin publishes, or takes them from the package
    that carries them; ``weights`` names which of them where torchvision has several, also for
    their preprocessing alone. A factory's network has the weights that the factory gives it.

    Raises ModelError for an unknown origin, architecture or factory, arguments that do not fit, or
    weights that cannot be fetched.
    """
    origin, _, architecture = name.partition("/")
    _check_no_weights(name, kwargs)
    if origin == "torchvision" and architecture:
        return build_from_torchvision(architecture, kwargs, pretrained, weights)
    if weights is not None:
        raise ModelError(
            f"weights {weights!r} cannot be chosen for {name!r}: only torchvision's have such "
            "names; timm's are part of the name (timm/<architecture>.<tag>)"
        )
    if name.startswith(PREFIX):
        return build_from_factory(name, kwargs)
    if origin == "timm" and architecture:
        return build_from_timm(architecture, kwargs, pretrained)
    if is_carried(name):
        return build_from_package(name, kwargs, pretrained)
    raise ModelError(f"model {name!r} is of unknown origin; write {NAMES}")


def check_published(name: str, kwargs: Mapping[str, Any]) -> None:
    """Raise ModelError where published weights do not fit the arguments, as far as names tell."""
    if name.startswith("timm/"):
        check_published_classes(name.removeprefix("timm/"), kwargs)
    elif is_carried(name):
        check_carried_classes(name, kwargs)


def _check_no_weights(name: str, kwargs: Mapping[str, Any]) -> None:
    """Builders load weights for these arguments as well, and check less of them."""
    given = [key for key in ("checkpoint_path", "pretrained", "weights") if key in kwargs]
    if given and not name.startswith(PREFIX):
        raise ModelError(
            f"{name} takes no argument {given[0]!r} here; weights are chosen by the parameters "
            "model.checkpoint, model.pretrained and model.weights"
        )


def outline_network(
    name: str, kwargs: Mapping[str, Any], *, weights: str | None = None
) -> nn.Module:
    """The network without values for its weights: it tells shapes, and a large one costs nothing.

    One that cannot be built so, or that comes from a factory, is built whole. Raises ModelError as
    :func:`build_network` does.
    """
    if not name.startswith(PREFIX):
        try:
            with torch.device("meta"):
                return freeze(build_network(name, kwargs, weights=weights))
        except ModelError:
            pass  # the name is wrong, or the network computes with values: built whole, it tells
    return freeze(build_network(name, kwargs, weights=weights))


def read_outline(
    read: Callable[[nn.Module], Read],
    name: str,
    kwargs: Mapping[str, Any],
    *,
    weights: str | None = None,
) -> Read:
    """What ``read`` says of a network's outline or, where that is not enough, of the whole.

    Raises ModelError as ``read`` and :func:`build_network` do.
    """
    network = outline_network(name, kwargs, weights=weights)
    try:
        return read(network)
    except ModelError:  # also of a network that computes with values that an outline has not
        if device_of(network).type != "meta":
            raise
    log.info("%s does not run without values for its weights: it is built whole", name)
    return read(freeze(build_network(name, kwargs, weights=weights)))


def freeze(network: nn.Module) -> nn.Module:
    """Inference mode, plain weights without gradients, and nothing that overwrites its input."""
    with_plain_weights(network.eval()).requires_grad_(False)
    for module in network.modules():
        if getattr(module, "inplace", False) is True:
            module.inplace = False  # type: ignore[assignment]
    return network
