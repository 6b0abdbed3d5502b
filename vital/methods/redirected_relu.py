"""Gradients for units that a rectifier keeps silent.

Behind a ReLU a unit that does not respond has no gradient, and an image that starts so stays as it
is. For the first steps of an optimisation the package Lucid therefore lets through, where nothing
else gets through, what would bring the rectifier's input back into its range
(``lucid/misc/redirected_relu_grad.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from vital.networks.taps.hooks import HookedReader

Inputs = tuple[torch.Tensor, ...]


class RedirectedReluGradients(HookedReader):
    """Redirects the gradients of a network's ``nn.ReLU`` and ``nn.ReLU6`` while it is open.

    What the network answers stays the same. What it computes while this is open keeps its
    redirected gradients afterwards, too. Modules that work in place are meant as well, and those
    within others, such as the ``act`` of timm's ``BatchNormAct2d``. Not reached are rectifiers
    that are functions (``torch.relu``, ``functional.relu6``), and other non-linearities.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self._tops = {
            module: 6.0 if isinstance(module, nn.ReLU6) else float("inf")
            for module in network.modules()
            if isinstance(module, nn.ReLU | nn.ReLU6)
        }
        self._inputs: dict[nn.Module, torch.Tensor] = {}

    def _register(self) -> Iterator[RemovableHandle]:
        for module, top in self._tops.items():
            yield module.register_forward_pre_hook(self._keep)
            yield module.register_forward_hook(partial(self._redirect, top))

    def _forget(self) -> None:
        self._inputs.clear()

    def _keep(self, module: nn.Module, inputs: Inputs) -> Inputs:
        """Note the input, and give the module a copy that it may overwrite."""
        self._inputs[module] = inputs[0]
        return (inputs[0].clone(), *inputs[1:])

    def _redirect(
        self, top: float, module: nn.Module, _inputs: Inputs, _output: torch.Tensor
    ) -> torch.Tensor:
        return redirecting_clamp(self._inputs.pop(module), top)


def redirecting_clamp(values: torch.Tensor, top: float) -> torch.Tensor:
    """``values`` (B, ...) clamped to 0 .. ``top``, with a redirected gradient.

    The gradient of an image is the plain one if any of that is not zero. Else it is what gradient
    descent would bring back into the range with: what raises values below 0, or lowers those
    above ``top``.
    """
    clamped: torch.Tensor = _RedirectingClamp.apply(values, top)
    return clamped


class _RedirectingClamp(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, top: float) -> torch.Tensor:
        ctx.save_for_backward(values)
        ctx.top = top
        return values.clamp(0.0, top)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None]:
        (values,), (gradient,) = ctx.saved_tensors, gradients
        below, above = values <= 0, values >= ctx.top
        plain = gradient.masked_fill(below | above, 0.0)
        away = (below & (gradient > 0)) | (above & (gradient < 0))
        passes = (plain != 0).flatten(1).any(dim=1).view(-1, *[1] * (values.dim() - 1))
        return torch.where(passes, plain, gradient.masked_fill(away, 0.0)), None
