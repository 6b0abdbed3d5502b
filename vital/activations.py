"""Read activations at named taps in one forward pass that stops after the last of them."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from vital.errors import ModelError, nearest

INPUT_TAP = "input"
"""The pseudo-tap whose activations are the normalised input's colours: luminance, two opponents.

Matching red, green and blue one by one leaves them free to disagree from pixel to pixel, which
shows as coloured speckle; in decorrelated colours a grey image has to be grey everywhere.
"""

_OPPONENT_COLOURS = (
    (3**-0.5, 3**-0.5, 3**-0.5),
    (2**-0.5, -(2**-0.5), 0.0),
    (6**-0.5, 6**-0.5, -2 * 6**-0.5),
)


class _AllTapsSeenError(Exception):
    """Unwinds the forward pass once nothing more is needed from it."""


class TapReader:
    """Reads activations of named modules; a context manager that takes its hooks away again.

    Calling it with a batch (B, 3, H, W) gives, per tap, a tensor (B, C, D): D positions of a
    feature map, or tokens, in C channels. Gradients flow to the input.

    Raises ModelError for a tap that the network does not have.
    """

    def __init__(self, model: nn.Module, taps: Iterable[str]) -> None:
        self._model = model
        self._taps = list(taps)
        self._modules = {name: find_module(model, name) for name in self._taps if name != INPUT_TAP}
        self._channels_last = getattr(model, "output_fmt", "NCHW") == "NHWC"
        self._handles: list[RemovableHandle] = []
        self._seen: dict[str, tuple[torch.Tensor, int]] = {}
        self._copied: set[str] = set()

    def __enter__(self) -> TapReader:
        for name, module in self._modules.items():
            self._handles.append(module.register_forward_hook(self._hook(name)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._seen.clear()

    def __call__(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Read every tap for one batch, in the order of the taps' names."""
        self._forward(images)
        overwritten = self._overwritten()
        if overwritten:
            # A later module worked in place on a tap's output: from now on keep a copy of it.
            self._copied |= overwritten
            self._forward(images)
        values = {name: output for name, (output, _) in self._seen.items()}
        self._seen.clear()
        if INPUT_TAP in self._taps:
            values[INPUT_TAP] = opponent_colours(images)
        return {name: self._positions_last(name, values[name]) for name in self._taps}

    def _forward(self, images: torch.Tensor) -> None:
        self._seen.clear()
        if not self._modules:
            return
        try:
            self._model(images)
        except _AllTapsSeenError:
            return
        unseen = [name for name in self._modules if name not in self._seen]
        if unseen:
            raise ModelError(f"tap {unseen[0]!r} is never run in the network's forward pass")

    def _hook(self, name: str) -> Any:
        def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if not isinstance(output, torch.Tensor):
                raise ModelError(f"tap {name!r} gives {type(output).__name__}, not one tensor")
            if name not in self._seen:
                value = output.clone() if name in self._copied else output
                self._seen[name] = (value, value._version)
            if len(self._seen) == len(self._modules):
                raise _AllTapsSeenError

        return keep

    def _overwritten(self) -> set[str]:
        return {name for name, (value, version) in self._seen.items() if value._version != version}

    def _positions_last(self, name: str, value: torch.Tensor) -> torch.Tensor:
        if value.dim() == 4:
            if self._channels_last and name != INPUT_TAP:
                value = value.permute(0, 3, 1, 2)
            return value.flatten(2)
        if value.dim() == 3:
            return value.transpose(1, 2)
        if value.dim() == 2:
            return value.unsqueeze(-1)
        raise ModelError(f"tap {name!r} gives a tensor of {value.dim()} dimensions; 2 to 4 work")


def opponent_colours(images: torch.Tensor) -> torch.Tensor:
    """Rotate RGB to luminance, red-green and yellow-blue: (B, 3, H, W) to the same."""
    rotation = torch.tensor(_OPPONENT_COLOURS, dtype=images.dtype, device=images.device)
    return torch.einsum("oc,bchw->bohw", rotation, images)


def find_module(model: nn.Module, name: str) -> nn.Module:
    """The module of this name.

    Raises ModelError that names the near misses.
    """
    modules: dict[str, nn.Module] = dict(model.named_modules())
    if name not in modules or name == "":
        legal = [INPUT_TAP, *(known for known in modules if known)]
        raise ModelError(f"the network has no tap {name!r}; {nearest(name, legal)}")
    return modules[name]


def tap_shapes(
    model: nn.Module, taps: Iterable[str], size: tuple[int, int]
) -> dict[str, tuple[int, int]]:
    """(channels, positions) of each tap for one image of (height, width) ``size``."""
    device = next(model.parameters()).device
    with torch.no_grad(), TapReader(model, taps) as read:
        values = read(torch.zeros(1, 3, *size, device=device))
    return {name: (value.shape[1], value.shape[2]) for name, value in values.items()}
