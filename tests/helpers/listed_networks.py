"""The whole way through one network, as a program of its own so that its peak memory is its own.

``python tests/helpers/listed_networks.py timm/resnet18`` gives the network random weights, takes
statistics of three images at its default taps, makes an image in three steps, and prints one
line of JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

import vital
from vital.networks.build import build_network, freeze
from vital.networks.config import network_preprocessing
from vital.networks.taps.defaults import default_taps
from vital.networks.taps.reader import TapReader
from vital.runtime.memory import peak_memory

HEADLESS = ("timm/vit_large_patch32_224", "timm/eva02_tiny_patch14_224")
"""Published without a classifier: class units need one."""

NETWORKS = (
    *(
        f"timm/{name}"
        for name in (
            "resnet18", "resnet50", "resnetv2_50", "densenet121", "convnext_base",
            "convnextv2_tiny", "efficientnet_b0", "mobilenetv2_100", "mobilenetv3_large_100",
            "regnety_008", "vgg16_bn", "inception_v3", "vit_tiny_patch16_224",
            "vit_base_patch16_224", "vit_base_patch32_224", "vit_large_patch16_224",
            "vit_large_patch32_224", "deit3_small_patch16_224", "swin_tiny_patch4_window7_224",
            "maxvit_tiny_tf_224", "beit_base_patch16_224", "eva02_tiny_patch14_224",
            "vit_medium_patch16_reg4_gap_256",
        )
    ),
    *(
        f"torchvision/{name}"
        for name in ("resnet50", "densenet121", "convnext_base", "vit_l_16", "vit_l_32")
    ),
)  # fmt: skip
SCALES = ("running_var", "weight", "gamma", "gamma_1", "gamma_2")
"""Endings of the names of vectors that others are multiplied by."""


def kwargs_of(name: str) -> dict[str, int]:
    return {"num_classes": 1000} if name in HEADLESS else {}


def redraw_by_fan_in(network: nn.Module, seed: int) -> nn.Module:
    """Move every weight away from its initial value, to sizes that keep deep networks finite."""
    draws = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            continue
        uniform = torch.rand(value.shape, generator=draws)
        if value.dim() > 1:
            redrawn = (uniform - 0.5) * (12 * len(value) / value.numel()) ** 0.5
        elif name.endswith(SCALES):
            redrawn = 0.5 + uniform
        else:
            redrawn = 0.2 * (uniform - 0.5)
        assert float((redrawn == value).float().mean()) < 1e-3, f"{name} is as before"
        value.copy_(redrawn)
    return network


def gradient_norms(network: nn.Module) -> dict[str, float]:
    """How strongly the activations at each default tap depend on a random image."""
    size = network_preprocessing(network, {}).size
    images = torch.randn(1, 3, *size, requires_grad=True)
    with TapReader(network, default_taps(network, size)) as read:
        values = read(images)
    sums = {tap: value.square().mean() for tap, value in values.items()}
    return {
        tap: float(torch.autograd.grad(total, images, retain_graph=True)[0].norm())
        for tap, total in sums.items()
    }


def make_checkpoint(name: str, path: Path) -> dict[str, float]:
    """Write random weights; returns the gradients' norms with them."""
    network = redraw_by_fan_in(freeze(build_network(name, kwargs_of(name))), seed=1)
    save_file(network.state_dict(), path)
    return gradient_norms(network)


def draw_references(folder: Path) -> None:
    """Three smooth coloured pictures for class 1."""
    folder.mkdir(parents=True)
    draws = np.random.default_rng(0)
    for number in range(3):
        coarse = Image.fromarray(draws.integers(0, 256, (9, 9, 3), np.uint8))
        coarse.resize((330, 330), Image.Resampling.BICUBIC).save(folder / f"{number}.png")


def run(name: str, folder: Path) -> dict[str, object]:
    started = time.perf_counter()
    checkpoint = folder / "weights.safetensors"
    gradients = make_checkpoint(name, checkpoint)
    draw_references(folder / "references" / "1")
    made = vital.visualize(
        name,
        folder / "references",
        checkpoint=checkpoint,
        model_kwargs=kwargs_of(name),
        params={"steps": 3, "lr": 0.02, "jitter": 0, "batch": 1, "history_every": 1},
        out=folder / "out",
    )
    history = pd.read_parquet(folder / "out" / "history.parquet")
    return {
        "network": name,
        "side": made.images.shape[-1],
        "gradients": gradients,
        "losses": [*history["loss"], float(made.table["loss"].iloc[0])],
        "peak_memory_gib": round(peak_memory() / 2**30, 2),
        "seconds": round(time.perf_counter() - started, 1),
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        sys.stdout.write(json.dumps(run(sys.argv[1], Path(place))) + "\n")
