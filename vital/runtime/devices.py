"""Where tensors live."""

from __future__ import annotations

import torch
from torch import nn

from vital.errors import ParamsError

CPU = torch.device("cpu")


def device_of(network: nn.Module) -> torch.device:
    """Where the network's weights are; the CPU where it has none."""
    weight = next(network.parameters(), None)
    return CPU if weight is None else weight.device


def resolve_device(name: str) -> torch.device:
    """``auto`` is the first CUDA device where there is one, else the CPU.

    Raises ParamsError for a device that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ParamsError(f"device {name!r} cannot be used here: {reason}") from None
    return device
