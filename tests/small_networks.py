"""What small networks in the tests are made of."""

from __future__ import annotations

import torch
from torch import nn

CPU = torch.device("cpu")
TAPS = ("input", "conv1", "layer2")
KWARGS = {"channels": [8, 8, 16, 16], "num_classes": 4}


def redraw(network: nn.Module, seed: int) -> nn.Module:
    """Move every parameter and buffer away from its initial value."""
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                noise = torch.rand(value.shape, generator=draws)
                value.copy_(0.5 + noise if "running_var" in name else 0.3 * (noise - 0.4))
    return network
