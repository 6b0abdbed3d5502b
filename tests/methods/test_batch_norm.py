"""Distances at batch norms, where the network does something unusual beside them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vital.errors import ModelError
from vital.methods.batch_norm import BatchNormDistances


class Beside(nn.Module):
    """A batch norm on the way to the logits, one beside it that may be cut off, one that rests."""

    def __init__(self, cut: bool) -> None:
        super().__init__()
        self.cut = cut
        self.way, self.beside, self.unused = (nn.BatchNorm2d(3) for _ in range(3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.beside(images.detach() if self.cut else images)
        return self.way(images).mean((2, 3))


def test_a_batch_norm_without_a_gradient_is_told() -> None:
    images = torch.randn(2, 3, 4, 4, requires_grad=True)
    with BatchNormDistances(Beside(cut=False).eval(), "net") as read:
        assert len(read(images)[1]) == 2, "what does not run has no distance"
    with BatchNormDistances(Beside(cut=True).eval(), "net") as read:
        assert len(read(images.detach())[1]) == 2, "nothing is asked of it"
        with pytest.raises(ModelError, match="batch norm 'beside' has no gradient"):
            read(images)
