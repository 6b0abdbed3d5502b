"""Make the network under study: train it here, or load it, and measure it on real images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vital.artefacts.manifest import HEIGHT, HELD_OUT, TRAIN, VALIDATION, WIDTH, class_names
from vital.artefacts.model import (
    ACCURACY,
    ACCURACY_TOP1,
    ACCURACY_TOP1_HELDOUT,
    ARCHITECTURE,
    CLASSES,
    ENTRY,
    KWARGS,
    OUTPUT,
    PREPROCESSING,
    SOURCE_SHA256,
    TAPS,
)
from vital.images.image_set import ImageSet
from vital.images.preprocessing import Preprocessing
from vital.networks.build import build_network, freeze
from vital.networks.carried import carried_network, is_carried, weights_file
from vital.networks.classes import ClassMap, resolve_labels
from vital.networks.config import network_config
from vital.networks.factories import PREFIX, factory_sha256
from vital.networks.model import (
    describe_further,
    known_classes,
    load_model,
    pin_structure,
    save_model,
)
from vital.networks.outputs import pick_output
from vital.networks.probe import count_logits
from vital.networks.taps.defaults import default_taps
from vital.networks.taps.reader import tap_shapes
from vital.networks.training import LabelledImages, accuracy, train
from vital.networks.untrained import check_origin, network_kwargs, preprocessing_of
from vital.networks.weights import load_weights
from vital.params.model import ModelParams
from vital.runtime.devices import CPU
from vital.runtime.files import digest_file
from vital.runtime.seeds import derive_seed

_BATCH = 64


def make_model(
    folder: Path,
    images: ImageSet,
    params: ModelParams,
    seed: int,
    device: torch.device = CPU,
) -> dict[str, float]:
    """Write the network to ``folder`` and return its accuracy on the saved weights.

    It is trained on the images' train split, and measured on the others, on ``device``.

    Raises ModelError when the parameters name no source of weights, or more than one, and for
    classes, preprocessing or taps that do not fit the network.
    """
    network = _with_weights(images, params, seed, device)
    preprocessing = _preprocessing(network, images, params)
    classes = _classes(network, images, params, preprocessing.size)
    known = ClassMap(classes, len(classes))
    resolved = images.with_rows(resolve_labels(images.rows, known))
    description = {
        ARCHITECTURE: params.name,
        KWARGS: _kwargs(params, images),
        "weights": _origin(network, params, seed),
        CLASSES: classes,
        PREPROCESSING: preprocessing.to_dict(),
        TAPS: _taps(network, params, preprocessing.size),
        **_further_pins(network, params),
    }
    save_model(folder, network, description)
    if params.name.startswith(PREFIX):
        pin_structure(folder)
    metrics = measure(folder, resolved, device)
    describe_further(folder, {ACCURACY: metrics[ACCURACY_TOP1]})
    return metrics


def measure(folder: Path, images: ImageSet, device: torch.device = CPU) -> dict[str, float]:
    """The saved network's accuracy on the validation and on the held-out images.

    Their labels are the network's.
    """
    model = load_model(folder).to(device)
    splits = {ACCURACY_TOP1: VALIDATION, ACCURACY_TOP1_HELDOUT: HELD_OUT}
    return {
        name: round(accuracy(model.network, _labelled(images.split(split), model.preprocessing)), 6)
        for name, split in splits.items()
    }


def _with_weights(
    images: ImageSet, params: ModelParams, seed: int, device: torch.device
) -> nn.Module:
    check_origin(params)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "model", "initial weights"))
        network = build_network(
            params.name,
            _kwargs(params, images),
            pretrained=params.fetched,
            weights=params.weights,
        )
        pick_output(network, params.output)
        if params.train is not None:
            preprocessing = _preprocessing(network, images, params)
            together = _together(_labelled(images.split(TRAIN), preprocessing))
            train(network.to(device), together, params.train, seed).to(CPU)
    if params.checkpoint is not None:
        load_weights(network, Path(params.checkpoint), params.weights_key)
    return freeze(network)


def _kwargs(params: ModelParams, images: ImageSet) -> dict[str, Any]:
    return network_kwargs(params, len(class_names(images.rows)))


def _classes(
    network: nn.Module, images: ImageSet, params: ModelParams, size: tuple[int, int]
) -> list[str]:
    """The names that are given, those that were trained on, the network's own, or ImageNet's."""
    trained_on = class_names(images.rows) if params.train is not None else ()
    names = known_classes(network, params.classes or trained_on, size)
    return list(ClassMap(names, count_logits(network, size)).names)


def _taps(network: nn.Module, params: ModelParams, size: tuple[int, int]) -> dict[str, float]:
    if params.taps is None:
        return default_taps(network, size)
    tap_shapes(network, params.taps, size)  # a name that cannot be read is an error now, not later
    return dict(params.taps)


def _preprocessing(network: nn.Module, images: ImageSet, params: ModelParams) -> Preprocessing:
    cut = (int(images.rows[HEIGHT].iloc[0]), int(images.rows[WIDTH].iloc[0]))
    return preprocessing_of(network, params, cut)


def _origin(network: nn.Module, params: ModelParams, seed: int) -> dict[str, Any]:
    if params.train is not None:
        return {
            "origin": "trained here on the train split; the last step's weights are kept",
            "recipe": params.train.model_dump(),
            "seed": seed,
        }
    if params.checkpoint is not None:
        file = Path(params.checkpoint)
        key = {"key": params.weights_key} if params.weights_key else {}
        return {"origin": "checkpoint", "file": file.name, "sha256": digest_file(file), **key}
    if params.name.startswith(PREFIX):
        return {"origin": "given by the factory"}
    if is_carried(params.name):
        return _carried_origin(params.name)
    return {"origin": "published with the architecture", "tag": network_config(network).get("tag")}


def _carried_origin(name: str) -> dict[str, Any]:
    carried, file = carried_network(name), weights_file(name)
    return {
        "origin": f"carried by the package {carried.package}",
        "file": file.name,
        "sha256": digest_file(file),
        "licence": carried.licence,
        "source": carried.source,
    }


def _further_pins(network: nn.Module, params: ModelParams) -> dict[str, Any]:
    """What building the same network again depends on besides its name and arguments."""
    pins: dict[str, Any] = {} if params.output is None else {OUTPUT: params.output}
    if params.name.startswith(PREFIX):
        pins[SOURCE_SHA256] = factory_sha256(params.name)
    if params.name.startswith("torchvision/"):
        pins[ENTRY] = network_config(network)["tag"]
    return pins


def _labelled(images: ImageSet, preprocessing: Preprocessing) -> Iterator[LabelledImages]:
    """In batches: as a whole ImageNet's would not fit into memory."""
    for part, pixels in images.batches(preprocessing, _BATCH):
        yield LabelledImages(pixels, part.labels)


def _together(parts: Iterable[LabelledImages]) -> LabelledImages:
    """As one batch."""
    kept = list(parts)
    return LabelledImages(
        torch.cat([part.images for part in kept]), torch.cat([part.labels for part in kept])
    )
