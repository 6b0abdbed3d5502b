"""The paper's relevance rules for torchvision's ResNets, written from their definition.

Matrix by matrix over unfolded windows, in double precision, without zennit, autograd's gradients or
convolutions going backwards. It does nothing to the network and keeps nothing between calls.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

STABILIZER = 1e-5


def relevance_at(
    network: nn.Module, images: torch.Tensor, start: str, channel: int
) -> dict[str, torch.Tensor]:
    """Relevance at conv1 and at the output of every block before ``start``, and at the input.

    ``start`` is a block, or ``fc`` for a class logit; relevance starts as the channel's activation.
    """
    with torch.no_grad():
        return _Pass(network.double(), images.double()).back(start, channel)


class _Pass:
    def __init__(self, network: nn.Module, images: torch.Tensor) -> None:
        self.network = network
        self.images = images
        self.stem = network.conv1(images)
        self.pooled_from = network.bn1(self.stem).relu()
        self.names = [
            f"layer{stage}.{place}"
            for stage in (1, 2, 3, 4)
            for place in range(len(getattr(network, f"layer{stage}")))
        ]
        self.inputs = [network.maxpool(self.pooled_from)]
        for name in self.names:
            self.inputs.append(network.get_submodule(name)(self.inputs[-1]))

    def back(self, start: str, channel: int) -> dict[str, torch.Tensor]:
        found: dict[str, torch.Tensor] = {}
        if start == "fc":
            last = len(self.names)
            found[self.names[-1]] = relevance = self.head(channel)
        else:
            last = self.names.index(start) + 1
            relevance = only_channel(self.inputs[last], channel)
            found[start] = relevance
        for place in range(last - 1, -1, -1):
            block = self.network.get_submodule(self.names[place])
            relevance = through_block(block, self.inputs[place], relevance)
            if place:
                found[self.names[place - 1]] = relevance
        relevance = through_average(self.pooled_from, relevance, size=2)
        found["conv1"] = relevance  # batch norm and ReLU pass it on
        ones = torch.ones_like(self.images)
        found["input"] = through_convolution(self.network.conv1, ones, relevance)
        return found

    def head(self, channel: int) -> torch.Tensor:
        features = self.inputs[-1]
        means = features.mean((2, 3))
        logits = self.network.fc(means)
        weight = self.network.fc.weight
        z = means.clamp(min=0) @ weight.clamp(min=0).T + means.clamp(max=0) @ weight.clamp(max=0).T
        quotient = only_channel(logits, channel) / (z + STABILIZER)
        up = means.clamp(min=0) * (quotient @ weight.clamp(min=0))
        down = means.clamp(max=0) * (quotient @ weight.clamp(max=0))
        positions = features.shape[2] * features.shape[3]
        share = features / positions / (means + STABILIZER)[..., None, None]
        return share * (up + down)[..., None, None]


def only_channel(activations: torch.Tensor, channel: int) -> torch.Tensor:
    kept = torch.zeros_like(activations)
    kept[:, channel] = activations[:, channel]
    return kept


def through_block(block: nn.Module, x: torch.Tensor, relevance: torch.Tensor) -> torch.Tensor:
    """Through a block's last ReLU, its sum and both of its branches."""
    count = 3 if hasattr(block, "conv3") else 2
    convolutions = [getattr(block, f"conv{i + 1}") for i in range(count)]
    norms = [getattr(block, f"bn{i + 1}") for i in range(count)]
    inputs = [x]
    for place in range(count):
        main = norms[place](convolutions[place](inputs[-1]))
        inputs.append(main.relu())
    skip = x if block.downsample is None else block.downsample(x)
    total = main.abs() + skip.abs()
    part = torch.where(total == 0, 0.5, main.abs() / total)
    along_main = relevance * part
    along_skip = relevance * (1 - part)
    for place in reversed(range(count)):
        along_main = through_convolution(convolutions[place], inputs[place], along_main)
    if block.downsample is not None:
        along_skip = through_convolution(block.downsample[0], x, along_skip)
    return along_main + along_skip


def through_convolution(
    convolution: nn.Module, x: torch.Tensor, relevance: torch.Tensor
) -> torch.Tensor:
    """z+: every input gets its share of the positive products that went into each output."""
    geometry = {
        "kernel_size": convolution.kernel_size,
        "padding": convolution.padding,
        "stride": convolution.stride,
    }
    windows = functional.unfold(x, **geometry)
    weight = convolution.weight.flatten(1)
    up, down = windows.clamp(min=0), windows.clamp(max=0)
    z = weight.clamp(min=0) @ up + weight.clamp(max=0) @ down
    quotient = relevance.flatten(2) / (z + STABILIZER)
    shares = up * (weight.clamp(min=0).T @ quotient) + down * (weight.clamp(max=0).T @ quotient)
    return functional.fold(shares, x.shape[2:], **geometry)


def through_average(x: torch.Tensor, relevance: torch.Tensor, size: int) -> torch.Tensor:
    """Every input of a mean over windows gets its share of the sum."""
    shares = torch.zeros_like(x)
    for row in range(relevance.shape[2]):
        for column in range(relevance.shape[3]):
            here = (
                ...,
                slice(row * size, (row + 1) * size),
                slice(column * size, (column + 1) * size),
            )
            mean = x[here].mean((-2, -1), keepdim=True)
            quotient = relevance[..., row : row + 1, column : column + 1] / (mean + STABILIZER)
            shares[here] = x[here] / size**2 * quotient
    return shares


def difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    """How far apart two relevance maps are, of the size of the expected one."""
    return float((found.double() - expected).norm() / expected.norm())


def blocks_before(network: nn.Module, start: str) -> Sequence[str]:
    """conv1 and the blocks that come before a start."""
    names = [name for name, _ in network.named_modules() if name.count(".") == 1]
    blocks = [name for name in names if name.startswith("layer")]
    return ["conv1", *(blocks if start == "fc" else blocks[: blocks.index(start)])]
