"""Networks of timm, with weights from its hub."""

from __future__ import annotations

from collections.abc import Mapping
from http.client import HTTPException
from pickle import UnpicklingError
from typing import Any

import timm
from safetensors import SafetensorError
from timm.layers import BlurPool2d
from torch import nn

from vital.errors import ModelError, first_line, nearest
from vital.networks.weight_files import why_unreadable


def build_from_timm(architecture: str, kwargs: Mapping[str, Any], pretrained: bool) -> nn.Module:
    """Build timm's network of this name.

    Raises ModelError for a name or arguments that do not fit, or weights that cannot be fetched.
    """
    published = _published(architecture)
    if pretrained:
        _check_classes(architecture, published, kwargs)
    try:
        network = timm.create_model(architecture, pretrained=pretrained, **_with_layers(kwargs))
        return _with_input_size(network, kwargs)
    except Exception as error:  # whatever a builder raises, its arguments do not suit it
        if pretrained and _concerns_the_file(error):
            raise ModelError(
                f"the weights of timm/{architecture} ({_whereabouts(published)}) cannot be fetched "
                f"({why_unreadable(error)}); "
                "give a local file instead (model.checkpoint, or --checkpoint)"
            ) from None
        raise ModelError(
            f"timm/{architecture} cannot be built with {dict(kwargs)}: {first_line(error)}"
        ) from None


def _published(architecture: str) -> Any:
    """What timm says of the architecture's weights; None where it has none.

    Raises ModelError for an architecture, or a tag of its weights, that timm does not have.
    """
    known = timm.list_models()
    name = architecture.partition(".")[0]
    if name not in known:
        raise ModelError(f"timm has no {architecture!r}; {nearest(architecture, known)}")
    try:
        return timm.get_pretrained_cfg(architecture)
    except RuntimeError:
        tagged = timm.list_models(f"{name}.*", pretrained=True)
        raise ModelError(f"timm has no {architecture!r}; {nearest(architecture, tagged)}") from None


def check_published_classes(architecture: str, kwargs: Mapping[str, Any]) -> None:
    """Raise ModelError where the published weights have another number of classes."""
    _check_classes(architecture, _published(architecture), kwargs)


def _check_classes(architecture: str, published: Any, kwargs: Mapping[str, Any]) -> None:
    """For another number of classes, timm makes a new classifier without a word."""
    asked = kwargs.get("num_classes", 0)
    if published and asked not in (0, published.num_classes):
        raise ModelError(
            f"the published weights of timm/{architecture} have {published.num_classes} classes, "
            f"not {asked}: the classifier would be random; give a checkpoint of your own"
        )


def _concerns_the_file(error: Exception) -> bool:
    """Whether building failed for the published file; timm refuses some with a plain error."""
    kinds = (OSError, HTTPException, SafetensorError, UnpicklingError)
    return isinstance(error, kinds) or "weights_only" in str(error)


def _with_layers(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Anti-aliasing layers by name, since some of timm's networks take their classes only."""
    layers = {"blurpool": BlurPool2d, "avgpool": nn.AvgPool2d}
    return {
        key: layers.get(value, value) if key == "aa_layer" else value
        for key, value in kwargs.items()
    }


def _whereabouts(published: Any) -> str:
    """What timm would have loaded, for the user to find by other means."""
    return f"hub: {published.hf_hub_id}" if published.hf_hub_id else str(published.url)


def _with_input_size(network: Any, kwargs: Mapping[str, Any]) -> nn.Module:
    """A network built for another input size says so: it cannot run at its published one."""
    size = kwargs.get("img_size")
    if size is not None:
        height, width = size if isinstance(size, list | tuple) else (size, size)
        changed = {**network.pretrained_cfg, "input_size": (3, height, width)}
        network.pretrained_cfg = network.default_cfg = changed
    built: nn.Module = network
    return built
