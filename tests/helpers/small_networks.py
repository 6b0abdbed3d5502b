"""What small networks in the tests are made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from vital.networks.build import build_network
from vital.networks.model import StudiedModel, open_model

CPU = torch.device("cpu")
TAPS = ("input", "conv1", "layer2")
KWARGS = {"channels": [8, 8, 16, 16], "num_classes": 4}
SIDE = {"size": (32, 32)}


def tiny() -> nn.Module:
    """A ResNet of few channels with four classes, with the weights that it is built with."""
    return build_network("timm/resnet10t", KWARGS)


def write_weights(path: Path, seed: int = 1, **changes: object) -> Path:
    """Write the redrawn weights of such a network, of other arguments where they are given."""
    network = build_network("timm/resnet10t", {**KWARGS, **changes})
    save_file(redraw(network, seed).state_dict(), path)
    return path


def redraw(network: nn.Module, seed: int) -> nn.Module:
    """Move every parameter and buffer away from its initial value."""
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                noise = torch.rand(value.shape, generator=draws)
                value.copy_(0.5 + noise if "running_var" in name else 0.3 * (noise - 0.4))
    return network


def lively_model(taps: Sequence[str]) -> StudiedModel:
    """A network for images of 32 pixels whose logits, too, depend on the image."""
    draws = torch.Generator().manual_seed(0)
    network = tiny()
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.fill_(1.0)
                module.bias.fill_(0.1)
                module.running_mean.normal_(0.0, 0.2, generator=draws)
                module.running_var.uniform_(0.5, 1.5, generator=draws)
            elif isinstance(module, nn.Conv2d | nn.Linear):
                fan = module.weight[0].numel()
                module.weight.normal_(0.0, (2 / fan) ** 0.5, generator=draws)
    return open_model(network, taps=list(taps), preprocessing=SIDE)


def small_model(taps: list[str], classes: list[str] | None = None) -> StudiedModel:
    """A redrawn network for images of 32 pixels."""
    network = redraw(tiny(), seed=1)
    return open_model(network, taps=taps, preprocessing=SIDE, classes=classes or ())


def write_noise(
    folder: Path, count: int, seed: int = 0, shape: tuple[int, int] = (32, 32), darkest: int = 0
) -> None:
    """Images of noise, ``0.png`` and so on, of (height, width) ``shape``."""
    folder.mkdir(parents=True, exist_ok=True)
    draws = np.random.default_rng(seed)
    for number in range(count):
        array = draws.integers(darkest, 255, (*shape, 3), np.uint8)
        Image.fromarray(array).save(folder / f"{number}.png")


def write_references(folder: Path) -> Path:
    """Four images of noise for each of the classes 0, 1 and 2, in a folder that is returned."""
    for index in range(3):
        write_noise(folder / str(index), 4, seed=index, shape=(40, 36))
    return folder
