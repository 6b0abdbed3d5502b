"""A small network of one's own, to be spoiled in any place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from vital.images.preprocessing import Preprocessing

CLASSES = ("a", "b", "c", "d")
SEEN = {"preprocessing": Preprocessing((32, 32), (0.5,) * 3, (0.5,) * 3), "taps": ["stem", "body"]}
QUICK = {"steps": 2, "batch": 2, "history_every": 1}
Change = Callable[[torch.Tensor], torch.Tensor]
Output = Callable[[torch.Tensor], Any]


class Net(nn.Module):
    """Two convolutions and a classifier; what happens to maps, images and logits is given."""

    def __init__(
        self,
        between: Change = torch.relu,
        before: Change = torch.clone,
        after: Output = torch.clone,
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.body = nn.Conv2d(4, 6, 3)
        self.head = nn.Linear(6, len(CLASSES))
        self.between, self.before, self.after = between, before, after

    def forward(self, images: torch.Tensor) -> Any:
        maps = self.body(self.between(self.stem(self.before(images))))
        return self.after(self.head(maps.relu().mean((2, 3))))
