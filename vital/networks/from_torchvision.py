"""Networks of torchvision, made to say of themselves what timm's networks say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from torch import nn
from torchvision import models
from torchvision.models import WeightsEnum

from vital.errors import ModelError, first_line, nearest
from vital.networks.weight_files import why_unreadable
from vital.networks.weights import load_state


def build_from_torchvision(
    architecture: str, kwargs: Mapping[str, Any], pretrained: bool, weights: str | None
) -> nn.Module:
    """Build torchvision's network of this name, as its weights ``weights`` need it.

    ``weights`` is an entry of the architecture's weights, such as IMAGENET1K_V2 (None: its
    DEFAULT); it says which preprocessing the network wants, and with ``pretrained`` is loaded.

    Raises ModelError for a name or arguments that do not fit, or weights that cannot be fetched.
    """
    known = models.list_models(module=models)
    if architecture not in known:
        raise ModelError(f"torchvision has no {architecture!r}; {nearest(architecture, known)}")
    entry = _entry(architecture, weights)
    options = {**_implied(architecture, entry), **kwargs}
    try:
        network: nn.Module = models.get_model(architecture, weights=None, **options)
    except Exception as error:  # whatever a builder raises, its arguments do not suit it
        raise ModelError(
            f"torchvision/{architecture} cannot be built with {dict(kwargs)}: {first_line(error)}"
        ) from None
    if pretrained:
        source = f"torchvision/{architecture} ({entry.name}, {_file_name(entry)})"
        load_state(network, _fetch(entry, source), source)
    return _describe(network, entry)


def _entry(architecture: str, weights: str | None) -> WeightsEnum:
    entries = models.get_model_weights(architecture)
    name = weights or "DEFAULT"
    if name not in entries.__members__:
        legal = nearest(name, entries.__members__)
        raise ModelError(f"torchvision/{architecture} has no weights {name!r}; {legal}")
    return entries[name]


def _implied(architecture: str, entry: WeightsEnum) -> dict[str, Any]:
    """What torchvision's builders do only where they load the weights themselves."""
    if architecture in ("googlenet", "inception_v3"):
        return {"transform_input": True, "init_weights": False}
    if architecture.startswith("vit_"):
        return {"image_size": entry.meta["min_size"][0]}
    return {}


def _fetch(entry: WeightsEnum, source: str) -> dict[str, Any]:
    """The weights' file: from torch.hub's folder if it is there, else from where it is published.

    Raises ModelError when it cannot be fetched or read.
    """
    try:
        state: dict[str, Any] = entry.get_state_dict(
            progress=False, check_hash=True, map_location="cpu", weights_only=True
        )
    except Exception as error:  # unreachable, damaged or disallowed: each has errors of its own
        raise ModelError(
            f"the weights of {source} cannot be fetched ({why_unreadable(error)}); "
            "give a local file instead (model.checkpoint, or --checkpoint)"
        ) from None
    return state


def _file_name(entry: WeightsEnum) -> str:
    return PurePosixPath(urlsplit(entry.url).path).name


def _describe(network: nn.Module, entry: WeightsEnum) -> nn.Module:
    """Say how the network wants its images, and that swin transformers keep channels last."""
    wanted: Any = entry.transforms()
    described: Any = network
    described.pretrained_cfg = {
        "tag": entry.name,
        "input_size": (3, *_input_size(network, wanted.crop_size[0])),
        "mean": tuple(wanted.mean),
        "std": tuple(wanted.std),
        "interpolation": wanted.interpolation.value,
        "crop_pct": wanted.crop_size[0] / wanted.resize_size[0],
    }
    if isinstance(network, models.SwinTransformer):
        described.output_fmt = "NHWC"
    return network


def _input_size(network: nn.Module, published: int) -> tuple[int, int]:
    """A vision transformer built for another size cannot run at its published one."""
    side = network.image_size if isinstance(network, models.VisionTransformer) else published
    return side, side
