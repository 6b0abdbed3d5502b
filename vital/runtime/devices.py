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
    except RuntimeError:
        raise ParamsError(
            f"device {name!r} cannot be used here: it is none; legal are auto, cpu, cuda, cuda:1, "
            "and others that torch has"
        ) from None
    reason = _why_unusable(device)
    if reason:
        raise ParamsError(f"device {name!r} cannot be used here: {reason}")
    return device


def _why_unusable(device: torch.device) -> str:
    """Why this machine cannot compute there, or nothing."""
    if device.type == "meta":
        return "nothing is computed there"
    if device.type == "cpu" and device.index:
        return "there is one CPU device, cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError):  # also what torch lacks
        count = torch.cuda.device_count() if device.type == "cuda" else 0
        return f"of {device.type} devices, torch finds {count or 'none'}"
    return ""
