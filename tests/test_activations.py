"""Taps are read where they stand, whatever comes after them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vital.activations import INPUT_TAP, TapReader, opponent_colours, tap_shapes
from vital.errors import ModelError


class Overwriting(nn.Module):
    """Changes a tap's output in place, once by a module and once by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.last = nn.Conv2d(4, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu(self.conv(x))
        y = self.second(x)
        y += x
        return self.last(y)


class Exploding(nn.Module):
    """Must never be reached."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("ran past the last tap")


class Tokens(nn.Module):
    """Gives tokens (B, N, C), then a vector per image."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Identity()
        self.head = nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.tokens(x.flatten(2)[..., :6].contiguous())
        return self.head(tokens.mean(1))


def test_values_are_right_where_a_network_overwrites_them() -> None:
    network = Overwriting()
    images = torch.randn(2, 3, 5, 5)
    first = network.conv(images)
    with TapReader(network, ["conv", "second", "last"]) as read:
        values = read(images)
    torch.testing.assert_close(values["conv"], first.flatten(2))
    torch.testing.assert_close(values["second"], network.second(first.relu()).flatten(2))
    assert float(values["conv"].detach().min()) < 0


def test_gradients_are_right_where_a_network_overwrites_its_taps() -> None:
    network = Overwriting()
    images = torch.randn(1, 3, 5, 5, requires_grad=True)
    with TapReader(network, ["conv", "last"]) as read:
        (ours,) = torch.autograd.grad(read(images)["conv"].square().sum(), images)
    (theirs,) = torch.autograd.grad(network.conv(images).square().sum(), images)
    torch.testing.assert_close(ours, theirs)


def test_nothing_runs_after_the_last_tap() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), Exploding())
    with TapReader(network, ["0"]) as read:
        assert read(torch.zeros(1, 3, 4, 4))["0"].shape == (1, 2, 16)


def test_tokens_and_vectors_have_their_positions_last() -> None:
    network = Tokens()
    images = torch.randn(2, 3, 4, 4)
    with TapReader(network, ["tokens", "head"]) as read:
        values = read(images)
    assert torch.equal(values["tokens"], images.flatten(2)[..., :6].transpose(1, 2))
    assert values["head"].shape == (2, 2, 1)


def test_channels_last_networks_are_turned() -> None:
    network = nn.Sequential(nn.Identity())
    network.output_fmt = "NHWC"
    images = torch.randn(2, 4, 5, 3)
    with TapReader(network, ["0"]) as read:
        assert torch.equal(read(images)["0"], images.permute(0, 3, 1, 2).flatten(2))


def test_hooks_are_gone_afterwards_also_after_an_error() -> None:
    network = nn.Sequential(nn.Conv2d(3, 2, 1), Exploding())
    with pytest.raises(RuntimeError, match="ran past"), TapReader(network, ["0", "1"]) as read:
        read(torch.zeros(1, 3, 4, 4))
    assert not any(module._forward_hooks for module in network.modules())


def test_an_unknown_tap_names_the_near_misses() -> None:
    with pytest.raises(ModelError, match=r"no tap 'secnd'.*'second'"):
        TapReader(Overwriting(), ["secnd"])


def test_a_module_that_never_runs_is_an_error() -> None:
    network = Overwriting()
    network.unused = nn.ReLU()
    with (
        pytest.raises(ModelError, match="'unused' is never run"),
        TapReader(network, ["unused"]) as read,
    ):
        read(torch.zeros(1, 3, 4, 4))


def test_the_input_tap_is_a_rotation_of_the_colours() -> None:
    images = torch.randn(2, 3, 4, 4)
    turned = opponent_colours(images)
    torch.testing.assert_close(turned.square().sum(1), images.square().sum(1))
    grey = torch.randn(1, 1, 4, 4).expand(1, 3, 4, 4)
    torch.testing.assert_close(opponent_colours(grey)[:, 1:], torch.zeros(1, 2, 4, 4))
    with TapReader(Overwriting(), [INPUT_TAP]) as read:
        torch.testing.assert_close(read(images)[INPUT_TAP], turned.flatten(2))


def test_shapes_are_channels_and_positions() -> None:
    shapes = tap_shapes(Overwriting(), [INPUT_TAP, "conv", "last"], (6, 5))
    assert shapes == {INPUT_TAP: (3, 30), "conv": (4, 30), "last": (2, 30)}
