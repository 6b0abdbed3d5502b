"""A network that counts its forward passes."""

from __future__ import annotations

import torch
from torch import nn


class Pair(nn.Module):
    """Gives its input twice."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x


class Counting(nn.Module):
    """Counts its forward passes; runs one of its modules twice, another never."""

    def __init__(self) -> None:
        super().__init__()
        self.passes = 0
        self.conv = nn.Conv2d(3, 4, 3, stride=2)
        self.act = nn.ReLU()
        self.unused = nn.Linear(2, 2)
        self.pair = Pair()
        self.head = nn.Linear(4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.passes += 1
        x, _ = self.pair(self.act(self.conv(x)))
        return self.head(self.act(x.mean((2, 3))))
