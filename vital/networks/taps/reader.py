"""Read activations at named taps in one forward pass that stops after the last of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from vital.errors import ModelError, nearest
from vital.networks.probe import blank_image, run_at
from vital.networks.taps.channel_axis import positions_last
from vital.networks.taps.hooks import AllTapsSeenError, HookedReader, never_run, one_tensor

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

_LATER_RUN = re.compile(r"(.+)@([1-9][0-9]*)")


class TapReader(HookedReader):
    """Reads activations of named modules; a context manager that takes its hooks away again.

    Calling it with a batch (B, 3, H, W) gives, per tap, a tensor (B, C, D): D positions of a
    feature map, or tokens, in C channels. Gradients flow to the input. Of a module that runs
    several times in a forward pass, ``name`` is the first run, ``name@2`` the second.
    ``compiled``: from the second batch on the pass is compiled for the shape of its images, which
    takes about half a minute and pays on a GPU, for thousands of steps.

    Raises ModelError for a tap that the network does not have, that never runs, or whose output
    is not one tensor with a row per image.
    """

    def __init__(self, model: nn.Module, taps: Iterable[str], *, compiled: bool = False) -> None:
        super().__init__()
        self._model = model
        self._taps = list(taps)
        self._places = {tap: locate(model, tap) for tap in self._taps if tap != INPUT_TAP}
        self._modules = {name: find_module(model, name) for name, _ in self._places.values()}
        self._runs: dict[str, int] = {}
        self._seen: dict[str, tuple[torch.Tensor, int]] = {}
        self._copied: set[str] = set()
        self._compiled = torch.compile(self._trace, dynamic=False) if compiled else None
        self._has_run = False

    def _register(self) -> Iterator[RemovableHandle]:
        for name, module in self._modules.items():
            yield module.register_forward_hook(self._hook(name))

    def _forget(self) -> None:
        self._seen.clear()

    def __call__(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Read every tap for one batch, in the order of the taps' names."""
        if self._compiled is not None and self._has_run and self._places:
            seen = self._compiled(images)
        else:
            seen = self.outputs(images)
        values = {tap: self._positions_last(tap, value, images) for tap, value in seen.items()}
        if INPUT_TAP in self._taps:
            values[INPUT_TAP] = opponent_colours(images).flatten(2)
        return {tap: values[tap] for tap in self._taps}

    def outputs(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """What the taps' modules gave for one batch, as they gave it, in the order of running."""
        self._forward(images)
        overwritten = self._overwritten()
        if overwritten:
            # A later module worked in place on a tap's output: from now on keep a copy of it.
            self._copied |= overwritten
            self._forward(images)
        self._has_run = True
        return self._taken()

    def _trace(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """What is compiled: nothing stops it, but what no tap needs falls away."""
        self._forget()
        self._runs.clear()
        self._model(images)
        return self._taken()

    def _taken(self) -> dict[str, torch.Tensor]:
        taken = {tap: value for tap, (value, _) in self._seen.items()}
        self._forget()
        return taken

    def _forward(self, images: torch.Tensor) -> None:
        self._seen.clear()
        self._runs.clear()
        if not self._places:
            return
        with suppress(AllTapsSeenError):
            self._model(images)
        for tap, (name, _) in self._places.items():
            if tap not in self._seen:
                raise never_run(tap, self._runs.get(name, 0))

    def _hook(self, name: str) -> Any:
        def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
            self._runs[name] = self._runs.get(name, 0) + 1
            for tap, place in self._places.items():
                if place == (name, self._runs[name]):
                    self._keep(tap, output)
            if len(self._seen) == len(self._places) and not torch.compiler.is_compiling():
                raise AllTapsSeenError

        return keep

    def _keep(self, tap: str, output: Any) -> None:
        value = one_tensor(tap, output)
        value = value.clone() if tap in self._copied else value
        self._seen[tap] = (value, 0 if torch.compiler.is_compiling() else value._version)

    def _overwritten(self) -> set[str]:
        return {tap for tap, (value, version) in self._seen.items() if value._version != version}

    def _positions_last(self, tap: str, value: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        module = self._modules[self._places[tap][0]]
        return positions_last(self._model, module, value, images, tap)


def opponent_colours(images: torch.Tensor) -> torch.Tensor:
    """Rotate RGB to luminance, red-green and yellow-blue: (B, 3, H, W) to the same."""
    with torch.autocast(images.device.type, enabled=False):  # colours are not to be rounded
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


def locate(model: nn.Module, tap: str) -> tuple[str, int]:
    """The name of a tap's module, and which of its runs in a forward pass is read, from 1.

    Raises ModelError for a module that the network does not have.
    """
    later = _LATER_RUN.fullmatch(tap)
    name, run = (later[1], int(later[2])) if later else (tap, 1)
    find_module(model, name)
    return name, run


def tap_shapes(
    model: nn.Module, taps: Iterable[str], size: tuple[int, int]
) -> dict[str, tuple[int, int]]:
    """(channels, positions) of each tap for one image of (height, width) ``size``.

    Raises ModelError as :class:`TapReader` does, and where the network does not run at this size.
    """
    with run_at(model, size), torch.no_grad(), TapReader(model, taps) as read:
        values = read(blank_image(model, size))
    return {name: (value.shape[1], value.shape[2]) for name, value in values.items()}
