"""The network that the block ``model`` describes, before it has weights."""

from __future__ import annotations

from typing import Any

from torch import nn

from vital.errors import ModelError
from vital.images.preprocessing import Preprocessing
from vital.networks.build import build_network, freeze
from vital.networks.config import network_preprocessing
from vital.networks.model import StudiedModel
from vital.networks.outputs import pick_output
from vital.networks.taps.defaults import default_taps
from vital.params.model import ModelParams


def check_origin(params: ModelParams) -> None:
    """Raise ModelError unless the parameters name exactly one source of weights."""
    origins = [params.checkpoint is not None, params.fetched, params.train is not None]
    if sum(origins) != 1:
        raise ModelError("give exactly one of model.checkpoint, model.pretrained and model.train")


def network_kwargs(params: ModelParams, classes: int) -> dict[str, Any]:
    """What the network is built with: one that is trained here gets as many logits as classes."""
    if params.train is None:
        return dict(params.kwargs)
    return {"num_classes": classes, **params.kwargs}


def preprocessing_of(
    network: nn.Module, params: ModelParams, cut: tuple[int, int] | None
) -> Preprocessing:
    """How the network sees images; one that is trained here, at the size that they are ``cut`` to.

    ``cut`` is (height, width), or None where images are not cut.
    """
    changes = params.preprocessing.given() if params.preprocessing else {}
    if params.train is not None and cut is not None:
        changes = {"size": cut, "crop_pct": 1.0, **changes}
    return network_preprocessing(network, changes)


def untrained_model(params: ModelParams, classes: int, cut: tuple[int, int] | None) -> StudiedModel:
    """The network with random weights and without names of classes: to time it, for example.

    Raises ModelError for parameters that name no network, and where preprocessing is not known.
    """
    network = build_network(params.name, network_kwargs(params, classes), weights=params.weights)
    pick_output(network, params.output)
    preprocessing = preprocessing_of(freeze(network), params, cut)
    return StudiedModel(
        name=params.name,
        network=network,
        preprocessing=preprocessing,
        classes=(),
        taps=dict(params.taps or default_taps(network, preprocessing.size)),
        sha256="",
    )
