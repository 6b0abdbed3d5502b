"""The outputs of named modules in a forward pass that goes no further than it has to."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

import torch
from torch import nn

from vital.networks.taps.hooks import AllTapsSeenError, never_run, one_tensor
from vital.networks.taps.reader import INPUT_TAP, find_module
from vital.units import CLASS_TAP


def outputs_until(
    network: nn.Module, images: torch.Tensor, taps: Collection[str], last: Collection[str]
) -> dict[str, torch.Tensor]:
    """Run the network until all of ``last`` are had; what ``taps`` gave first, in their order.

    The images themselves are the first, as tap ``input``; the network's output, where it got that
    far, is the last, as tap ``class``. Raises ModelError for an output that is not one tensor, and
    for a tap in ``last`` that never runs.
    """
    seen = {INPUT_TAP: images}
    modules = {tap: find_module(network, tap) for tap in taps if tap not in (INPUT_TAP, CLASS_TAP)}

    def capture(tap: str) -> Callable[[nn.Module, Any, Any], torch.Tensor | None]:
        def keep(_module: nn.Module, _inputs: Any, output: Any) -> torch.Tensor | None:
            if tap in seen:
                return None
            seen[tap] = one_tensor(tap, output)
            if all(needed in seen for needed in last):
                raise AllTapsSeenError
            # What follows gets a copy, so that nothing can overwrite what was captured.
            return seen[tap].clone()

        return keep

    handles = [module.register_forward_hook(capture(tap)) for tap, module in modules.items()]
    try:
        with suppress(AllTapsSeenError):
            seen[CLASS_TAP] = one_tensor(CLASS_TAP, network(images))
    finally:
        for handle in handles:
            handle.remove()
    for tap in last:
        if tap not in seen:
            raise never_run(tap)
    return seen
