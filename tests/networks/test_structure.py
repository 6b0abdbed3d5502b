"""The identity of a network of one's own: what changes it, and that it is the same everywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from helpers.repository import ROOT
from vital.networks.structure import network_structure, unrepeatable


def scaled(value: torch.Tensor, by: float = 2.0) -> torch.Tensor:
    return value * by


class Settings:
    def __init__(self, power: float) -> None:
        self.power = power


class Own(nn.Module):
    """A network with as many kinds of attributes as people write."""

    grown = 1.5

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.act: nn.Module = nn.ReLU()
        self.head = nn.Linear(4, 5)
        self.temperature = 1.0
        self.steps = 3
        self.mode = "mean"
        self.flag = True
        self.axes: tuple[int, ...] = (2, 3)
        self.table = {"a": [1, 2]}
        self.kind = torch.float32
        self.function: Callable[..., torch.Tensor] = functional.relu
        self.settings = Settings(2.0)
        self.nothing: float | None = None
        self.beside = [nn.Linear(2, 2)]
        self.mask = torch.ones(3)
        self.register_buffer("fixed", torch.arange(3.0), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.act(self.conv(images)).mean(self.axes)) / self.temperature


def own() -> Own:
    torch.manual_seed(0)
    return Own()


def hook(_module: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
    return 2 * output


def other_hook(_module: nn.Module, _inputs: object, output: torch.Tensor) -> torch.Tensor:
    return 3 * output


def divided(by: float) -> Callable[[torch.Tensor], torch.Tensor]:
    def forward(images: torch.Tensor) -> torch.Tensor:
        return images.mean((2, 3)) / by

    return forward


def beside_with_other_weights(net: Own) -> None:
    nn.init.zeros_(net.beside[0].weight)


CHANGES: dict[str, Callable[[Own], object]] = {
    "number": lambda net: setattr(net, "temperature", 2.0),
    "whole number": lambda net: setattr(net, "steps", 4),
    "kind of number": lambda net: setattr(net, "steps", 3.0),
    "text": lambda net: setattr(net, "mode", "max"),
    "flag": lambda net: setattr(net, "flag", False),
    "flag as number": lambda net: setattr(net, "flag", 1),
    "tuple": lambda net: setattr(net, "axes", (3, 2)),
    "inside a dict": lambda net: net.table["a"].append(3),
    "dtype": lambda net: setattr(net, "kind", torch.float64),
    "built-in function": lambda net: setattr(net, "function", torch.sigmoid),
    "function": lambda net: setattr(net, "function", functional.relu6),
    "own function": lambda net: setattr(net, "function", scaled),
    "partial": lambda net: setattr(net, "function", partial(scaled, by=3.0)),
    "other partial": lambda net: setattr(net, "function", partial(scaled, by=4.0)),
    "lambda": lambda net: setattr(net, "function", lambda x: x + 1),
    "other lambda": lambda net: setattr(net, "function", lambda x: x + 2),
    "object": lambda net: setattr(net.settings, "power", 3.0),
    "none": lambda net: setattr(net, "nothing", 0.0),
    "tensor": lambda net: net.mask.zero_(),
    "non-persistent buffer": lambda net: net.fixed.add_(1),
    "module in a list": beside_with_other_weights,
    "another activation": lambda net: setattr(net, "act", nn.GELU()),
    "an argument of an activation": lambda net: setattr(net, "act", nn.GELU("tanh")),
    "padding": lambda net: setattr(net.conv, "padding", (1, 1)),
    "hook": lambda net: net.conv.register_forward_hook(hook),
    "other hook": lambda net: net.conv.register_forward_hook(other_hook),
    "hook before": lambda net: net.conv.register_forward_pre_hook(hook),
    "hook of gradients": lambda net: net.conv.register_full_backward_hook(hook),
    "forward": lambda net: setattr(net, "forward", divided(1.0)),
    "what forward encloses": lambda net: setattr(net, "forward", divided(2.0)),
    "shared module": lambda net: setattr(net, "again", net.act),
    "bound method": lambda net: setattr(net, "function", net.settings.__init__),
}


def test_every_change_gives_another_identity() -> None:
    digests = {"unchanged": network_structure(own()).digest}
    for name, change in CHANGES.items():
        network = own()
        change(network)
        found = network_structure(network)
        assert not found.unknown, name
        digests[name] = found.digest
    same = [
        (one, other) for one in digests for other in digests
        if one < other and digests[one] == digests[other]
    ]  # fmt: skip
    assert not same


def test_saved_weights_and_what_does_not_matter_change_nothing() -> None:
    torch.manual_seed(1)
    one, other = own(), own()
    nn.init.zeros_(other.head.weight)
    other.conv.register_forward_hook(hook).remove()
    other.beside[0].load_state_dict(one.beside[0].state_dict())
    other.kept = other.conv.register_forward_hook(hook)  # type: ignore[assignment]
    other.kept.remove()
    del other.kept
    assert network_structure(one) == network_structure(other)


def test_a_class_that_was_changed_in_place_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    before = network_structure(own()).digest
    monkeypatch.setattr(Own, "grown", 2.5)
    changed = network_structure(own()).digest
    monkeypatch.undo()
    monkeypatch.setattr(Own, "forward", lambda _self, images: images)
    assert len({before, changed, network_structure(own()).digest}) == 3


def test_what_cannot_be_described_is_named() -> None:
    network = own()
    network.lock = threading.Lock()  # type: ignore[assignment]
    network.table["handle"] = sys.stdout  # type: ignore[assignment]
    found = network_structure(network)
    assert "the network.lock (lock)" in found.unknown
    assert len(found.unknown) == 2
    assert unrepeatable() != unrepeatable()


def test_attributes_may_refer_to_each_other() -> None:
    network = own()
    network.table["network"] = [network, network.table]  # type: ignore[assignment]
    assert not network_structure(network).unknown


SCRIPT = """
import torch
from vital.networks.build import build_network
from vital.networks.structure import network_structure
import own_network
torch.manual_seed(0)
names = ("timm/test_vit", "timm/resnet10t", "timm/test_efficientnet", "torchvision/squeezenet1_1")
for network in (own_network.Named(), *(build_network(name, {}) for name in names)):
    found = network_structure(network)
    print(found.digest, found.unknown)
"""
NETWORK = """
from functools import partial
from torch import nn
from torch.nn import functional

FACTOR = 3

class Named(nn.Module):
    NAMES = ("a", "b")

    def __init__(self):
        super().__init__()
        self.words = {"one", "two", "three", "four"}
        self.function = partial(functional.gelu, approximate="tanh")
        self.inner = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        self.pick = lambda x: x if x in {"five", "six", "seven"} else FACTOR

    def forward(self, x):
        return super().forward(x)
"""


def test_two_processes_agree(tmp_path: Path) -> None:
    (tmp_path / "own_network.py").write_text(NETWORK, encoding="utf-8")
    answers = set()
    for seed in ("1", "2"):
        places = {"PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
        ended = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, **places}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        answers.add(ended.stdout)
    assert len(answers) == 1
    lines = answers.pop().splitlines()
    assert len(lines) == 5
    assert all(line.endswith("()") for line in lines)
