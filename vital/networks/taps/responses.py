"""How strongly units respond to images: what activation maximisation maximises."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from vital.networks.taps.reader import TapReader
from vital.units import CLASS_TAP, Unit


def unit_responses(network: nn.Module, units: Sequence[Unit], shown: torch.Tensor) -> torch.Tensor:
    """The response of each of B units to what is shown of its image.

    From (B * V, 3, H, W), of which each unit has V, to (B, V).

    All units are of one tap. A class responds with its logit, a channel with the mean of its map.
    """
    indices = torch.tensor([unit.index for unit in units], device=shown.device)
    of_all = _all_responses(network, units[0].tap, shown)
    own = indices.repeat_interleave(len(shown) // len(units))
    return of_all.gather(1, own.unsqueeze(1)).view(len(units), -1)


def _all_responses(network: nn.Module, tap: str, shown: torch.Tensor) -> torch.Tensor:
    """The responses of all units of a tap, (B, units), in float32 however the network is run."""
    if tap == CLASS_TAP:
        logits: torch.Tensor = network(shown)
        return logits.float()
    with TapReader(network, [tap]) as read:
        return read(shown)[tap].float().mean(dim=2)
