"""Modules as people bring them, each around or made of a small network of timm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils import parametrizations

from helpers.fuzzed_networks import Draws, build


@dataclass(frozen=True)
class Brought:
    """A module, and whether it must be taken (True), must be refused (False), or may be either."""

    module: nn.Module
    taken: bool | None = None
    other: nn.Module | None = None
    """One that answers otherwise, so that it must not be mistaken for the first."""
    runs: bool = True
    """Whether it may be asked before it is opened."""


class Around(nn.Module):
    """A network, and what is done before and after it."""

    def __init__(
        self,
        network: nn.Module,
        before: Callable[[torch.Tensor], torch.Tensor] | None = None,
        after: Callable[[torch.Tensor], object] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.before = before
        self.after = after

    def forward(self, images: torch.Tensor) -> object:
        seen = self.before(images) if self.before else images
        logits = self.network(seen)
        return self.after(logits) if self.after else logits


class WithoutGrad(Around):
    def forward(self, images: torch.Tensor) -> object:
        with torch.no_grad():
            return super().forward(images)


class Tempered(nn.Module):
    """A network with an attribute that is no weight, and changes its answers."""

    def __init__(self, network: nn.Module, temperature: float) -> None:
        super().__init__()
        self.network = network
        self.temperature = temperature

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(images * self.temperature)
        return logits


class Remembering(nn.Sequential):
    """One that keeps more than tensors in its state."""

    def get_extra_state(self) -> object:
        return {"seen": 3}

    def set_extra_state(self, state: object) -> None:
        pass


def _detach(_module: nn.Module, _given: object, output: torch.Tensor) -> torch.Tensor:
    return output.detach()


def _halve(images: torch.Tensor) -> torch.Tensor:
    return images.mul_(0.5)


def _twice(logits: torch.Tensor) -> object:
    return logits, logits * 2


def _named(logits: torch.Tensor) -> object:
    return {"logits": logits, "loss": None}


def _nothing(_logits: torch.Tensor) -> object:
    return None


def _as_text(logits: torch.Tensor) -> object:
    return str(logits.tolist())


def _not_a_number(logits: torch.Tensor) -> torch.Tensor:
    return logits * float("nan")


def _without_batch(logits: torch.Tensor) -> torch.Tensor:
    return logits[0]


def _fail(_images: torch.Tensor) -> torch.Tensor:
    raise ValueError("Expected more.\nPlease see https://example.com/docs and set strict=False.")


def _layers(network: nn.Module, *kinds: type[nn.Module]) -> list[nn.Module]:
    return [module for module in network.modules() if isinstance(module, kinds)]


def _detached_within(network: nn.Module, draws: Draws) -> Brought:
    children = [child for child in network.children() if any(True for _ in child.parameters())]
    draws.choice(children[:-1] or children).register_forward_hook(_detach)
    return Brought(network)


def _weight_norm(network: nn.Module, draws: Draws) -> Brought:
    norm = draws.choice((nn.utils.weight_norm, parametrizations.weight_norm,
                         parametrizations.spectral_norm))  # fmt: skip
    for layer in _layers(network, nn.Conv2d, nn.Linear)[:3]:
        norm(layer)
    return Brought(network)


def _not_finite(network: nn.Module, draws: Draws) -> Brought:
    weights = [weight for weight in network.parameters() if weight.numel() > 1]
    with torch.no_grad():
        draws.choice(weights).view(-1)[0] = float("nan")
    return Brought(network)


def _scripted(network: nn.Module, draws: Draws) -> Brought:
    small = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                          nn.Linear(8, 4))  # fmt: skip
    if draws.randrange(2):
        return Brought(torch.jit.script(small))
    return Brought(torch.jit.trace(small.eval(), torch.zeros(1, 3, 64, 64)))


def _quantised(network: nn.Module, _draws: Draws) -> Brought:
    quantised = torch.ao.quantization.quantize_dynamic(network, {nn.Linear}, dtype=torch.qint8)
    return Brought(quantised)


def _lazy(_network: nn.Module, _draws: Draws) -> Brought:
    layers = nn.Sequential(nn.LazyConv2d(8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                           nn.LazyLinear(4))  # fmt: skip
    return Brought(layers, taken=False, runs=False)


def _other_numbers(network: nn.Module, draws: Draws) -> Brought:
    kind = draws.choice((torch.float16, torch.bfloat16, torch.float64))
    return Brought(network.to(kind), runs=False)


def _tempered(network: nn.Module, draws: Draws) -> Brought:
    first, second = draws.sample((0.1, 0.5, 1.0, 2.0), 2)
    return Brought(Tempered(network, first), None, Tempered(network, second))


def _tied(network: nn.Module, _draws: Draws) -> Brought:
    convolution = nn.Conv2d(3, 3, 3, padding=1)
    return Brought(nn.Sequential(convolution, nn.ReLU(), convolution, network))


def _remembering(network: nn.Module, _draws: Draws) -> Brought:
    return Brought(Remembering(network))


def _inference_weights(network: nn.Module, _draws: Draws) -> Brought:
    with torch.inference_mode():
        for weight in network.parameters():
            weight.data = weight.data.clone()
    return Brought(network)


def _in_place_layers(network: nn.Module, _draws: Draws) -> Brought:
    for layer in _layers(network, nn.ReLU, nn.SiLU, nn.Hardswish):
        layer.inplace = True  # type: ignore[assignment]
    return Brought(Around(network))


def _around(taken: bool | None, **what: Callable[..., object]) -> Callable[..., Brought]:
    def mutate(network: nn.Module, _draws: Draws) -> Brought:
        return Brought(Around(network, **what), taken)

    return mutate


MUTATIONS: dict[str, Callable[[nn.Module, Draws], Brought]] = {
    "none": lambda network, _draws: Brought(network, True),
    "wrapped": _around(None),
    "training": lambda network, _draws: Brought(network.train(), True),
    "without grad": lambda network, _draws: Brought(WithoutGrad(network), False),
    "detached": _around(False, before=torch.Tensor.detach),
    "detached within": _detached_within,
    "several outputs": _around(None, after=_twice),
    "named outputs": _around(None, after=_named),
    "no output": _around(False, after=_nothing),
    "text": _around(False, after=_as_text),
    "without batch": _around(None, after=_without_batch),
    "not a number": _around(False, after=_not_a_number),
    "not finite": _not_finite,
    "changes its input": _around(None, before=_halve),
    "fails": _around(False, before=_fail),
    "weight norm": _weight_norm,
    "scripted": _scripted,
    "compiled": lambda network, _draws: Brought(torch.compile(network, backend="eager")),
    "parallel": lambda network, _draws: Brought(nn.DataParallel(network)),
    "quantised": _quantised,
    "lazy": _lazy,
    "meta": lambda network, _draws: Brought(network.to("meta"), False, runs=False),
    "other numbers": _other_numbers,
    "tempered": _tempered,
    "tied": _tied,
    "remembering": _remembering,
    "inference weights": _inference_weights,
    "in place": _in_place_layers,
    "no channel": lambda _network, _draws: Brought(build_grey(), False, runs=False),
    "empty": lambda _network, _draws: Brought(nn.Sequential(), False),
}


def build_grey() -> nn.Module:
    """One for images without colour."""
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.LazyLinear(4))


def brought(architecture: str, mutation: str, draws: Draws) -> Brought:
    """The network of this architecture as the mutation changes it."""
    return MUTATIONS[mutation](build(architecture), draws)
