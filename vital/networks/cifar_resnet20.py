"""The ResNet-20 for CIFAR-10 of He et al. 2015, section 4.2, with shortcuts without parameters."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

CONFIG = {
    "input_size": (3, 32, 32),
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
    "label_names": (
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ),
}  # fmt: skip


def cifar_resnet20() -> nn.Module:
    """The network of 20 layers, for images of 32 x 32 pixels and ten classes."""
    return CifarResNet(blocks=3)


class CifarResNet(nn.Module):
    """Three stages of ``blocks`` basic blocks, of 16, 32 and 64 channels."""

    default_cfg = CONFIG

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = _stage(16, 16, blocks)
        self.layer2 = _stage(16, 32, blocks)
        self.layer3 = _stage(32, 64, blocks)
        self.linear = nn.Linear(64, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """From normalised images (B, 3, 32, 32) to logits (B, 10)."""
        maps = functional.relu(self.bn1(self.conv1(images)))
        maps = self.layer3(self.layer2(self.layer1(maps)))  # (B, 64, 8, 8)
        logits: torch.Tensor = self.linear(maps.mean(dim=(2, 3)))
        return logits


def _stage(before: int, channels: int, blocks: int) -> nn.Sequential:
    first = BasicBlock(before, channels)
    return nn.Sequential(first, *(BasicBlock(channels, channels) for _ in range(blocks - 1)))


class BasicBlock(nn.Module):
    """Two convolutions and a shortcut; where the channels double, the map's sides halve."""

    def __init__(self, before: int, channels: int) -> None:
        super().__init__()
        stride = 1 if before == channels else 2
        self.conv1 = nn.Conv2d(before, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Identity() if stride == 1 else HalvedShortcut(channels - before)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """From (B, before, H, W) to (B, channels, H / stride, W / stride)."""
        changed = functional.relu(self.bn1(self.conv1(maps)))
        return functional.relu(self.bn2(self.conv2(changed)) + self.shortcut(maps))


class HalvedShortcut(nn.Module):
    """Every second row and column, and channels of zeros, half of them before and half behind."""

    def __init__(self, added: int) -> None:
        super().__init__()
        self.added = added

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """From (B, C, H, W) to (B, C + added, H / 2, W / 2)."""
        half = self.added // 2
        return functional.pad(maps[:, :, ::2, ::2], (0, 0, 0, 0, half, self.added - half))
