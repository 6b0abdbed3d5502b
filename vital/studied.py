"""Make the network under study: train it here, or load it, and measure it on real images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from vital.data import load_images
from vital.errors import ModelError
from vital.manifest import class_names, split_rows
from vital.models import (
    build_network,
    default_taps,
    describe_further,
    freeze,
    load_model,
    load_weights,
    save_model,
    timm_preprocessing,
)
from vital.params.model import ModelParams
from vital.preprocessing import Preprocessing
from vital.seeds import derive_seed
from vital.training import LabelledImages, accuracy, train


def make_model(
    folder: Path, images: Path, manifest: pd.DataFrame, params: ModelParams, seed: int
) -> dict[str, float]:
    """Write the network to ``folder`` and return its accuracy on the saved weights.

    Raises ModelError when the parameters name no source of weights, or more than one.
    """
    classes = class_names(manifest)
    network = _with_weights(images, manifest, classes, params, seed)
    preprocessing = _preprocessing(network, manifest, params)
    description: dict[str, Any] = {
        "architecture": params.name,
        "kwargs": _kwargs(params, classes),
        "weights": _origin(params, seed),
        "classes": classes,
        "preprocessing": preprocessing.to_dict(),
        "taps": params.taps or default_taps(network),
    }
    save_model(folder, network, description)
    metrics = measure(folder, images, manifest)
    describe_further(folder, {"accuracy": metrics["accuracy_top1"]})
    return metrics


def measure(folder: Path, images: Path, manifest: pd.DataFrame) -> dict[str, float]:
    """The saved network's accuracy on the validation and on the held-out images."""
    model = load_model(folder)
    splits = {"accuracy_top1": "validation", "accuracy_top1_heldout": "heldout"}
    return {
        name: round(accuracy(model.network, _load(images, manifest, split, model.preprocessing)), 6)
        for name, split in splits.items()
    }


def _with_weights(
    images: Path, manifest: pd.DataFrame, classes: list[str], params: ModelParams, seed: int
) -> nn.Module:
    origins = [params.checkpoint is not None, params.pretrained, params.train is not None]
    if sum(origins) != 1:
        raise ModelError("give exactly one of model.checkpoint, model.pretrained and model.train")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "model", "initial weights"))
        network = build_network(params.name, _kwargs(params, classes), params.pretrained)
        if params.train is not None:
            preprocessing = _preprocessing(network, manifest, params)
            train(network, _load(images, manifest, "train", preprocessing), params.train, seed)
    if params.checkpoint is not None:
        load_weights(network, Path(params.checkpoint))
    return freeze(network)


def _kwargs(params: ModelParams, classes: list[str]) -> Mapping[str, Any]:
    return {"num_classes": len(classes), **params.kwargs} if params.train else dict(params.kwargs)


def _preprocessing(
    network: nn.Module, manifest: pd.DataFrame, params: ModelParams
) -> Preprocessing:
    """A network trained here sees images at the size they were cut."""
    config = timm_preprocessing(network)
    if params.train is None:
        return config
    size = (int(manifest["height"].iloc[0]), int(manifest["width"].iloc[0]))
    return Preprocessing(size, config.mean, config.std, config.interpolation, crop_pct=1.0)


def _origin(params: ModelParams, seed: int) -> dict[str, Any]:
    if params.train is not None:
        return {
            "origin": "trained here on the train split; the last step's weights are kept",
            "recipe": params.train.model_dump(),
            "seed": seed,
        }
    if params.checkpoint is not None:
        return {"origin": "checkpoint", "file": Path(params.checkpoint).name}
    return {"origin": "timm's pretrained weights"}


def _load(
    images: Path, manifest: pd.DataFrame, split: str, preprocessing: Preprocessing
) -> LabelledImages:
    rows = split_rows(manifest, split)
    labels = torch.tensor(rows["label"].to_numpy())
    return LabelledImages(load_images(images, list(rows["path"]), preprocessing), labels)
