"""Taps are read where they stand, whatever comes after them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.outlines import outline, own_size
from helpers.small_networks import redraw
from vital.errors import ModelError
from vital.networks.build import build_network
from vital.networks.taps.reader import INPUT_TAP, TapReader, opponent_colours, tap_shapes


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


class ChannelsLast(nn.Module):
    """A stem that gives channels first, then a stage that gives as many channels last as rows."""

    output_fmt = "NHWC"

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 2, 2)
        self.stage = nn.Linear(4, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.stage(self.stem(x).permute(0, 2, 3, 1))


def test_channels_last_networks_are_turned_except_their_stem() -> None:
    network = ChannelsLast()
    images = torch.randn(2, 3, 8, 8)
    stem = network.stem(images)
    with TapReader(network, ["stem", "stage"]) as read:
        values = read(images)
    assert torch.equal(values["stem"], stem.flatten(2))
    expected = torch.einsum("oc,bchw->bohw", network.stage.weight, stem).flatten(2)
    torch.testing.assert_close(values["stage"], expected + network.stage.bias[:, None])


def test_a_network_of_torchvision_that_overwrites_is_read_right() -> None:
    network = build_network("torchvision/vgg16_bn", {"num_classes": 2}).eval()
    redraw(network.features[:2], seed=4)
    assert network.features[2].inplace, "the module after the tap overwrites the tap's output"
    images = torch.randn(1, 3, 64, 64)
    expected = network.features[:2](images).detach()
    assert float(expected.min()) < 0
    for _ in range(2):
        with torch.no_grad(), TapReader(network, ["features.1", "features.3"]) as read:
            torch.testing.assert_close(read(images)["features.1"], expected.flatten(2))


class Repeating(nn.Module):
    """Runs one module three times."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.last = nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.conv(self.conv(self.conv(x))))


def test_each_run_of_a_module_is_a_tap_of_its_own() -> None:
    network = Repeating()
    images = torch.randn(2, 3, 4, 4)
    first = network.conv(images)
    taps = ["conv@3", "conv", "conv@2"]
    with TapReader(network, taps) as read:
        for values in (read(images), read(images)):
            assert list(values) == taps
            torch.testing.assert_close(values["conv"], first.flatten(2))
            torch.testing.assert_close(values["conv@2"], network.conv(first).flatten(2))
            torch.testing.assert_close(
                values["conv@3"], network.conv(network.conv(first)).flatten(2)
            )


def test_a_run_that_does_not_come_is_an_error() -> None:
    with (
        pytest.raises(ModelError, match=r"'conv@4' runs only 3 times"),
        TapReader(Repeating(), ["conv@4"]) as read,
    ):
        read(torch.zeros(1, 3, 4, 4))
    with pytest.raises(ModelError, match=r"no tap 'cov'.*'conv'"):
        TapReader(Repeating(), ["cov@2"])


class Windows(nn.Module):
    """Gives a pair, then windows as rows of the batch."""

    def __init__(self) -> None:
        super().__init__()
        self.pair = Splitting()
        self.windows = nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left, right = self.pair(x)
        return self.windows(torch.cat([left, right])).chunk(2)[0]


class Splitting(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return x.chunk(2, dim=-1)


@pytest.mark.parametrize(
    ("tap", "expected"),
    [
        ("pair", "gives tuple, not one tensor"),
        ("windows", "gives 6 rows for 3 images, not one row per image"),
    ],
)
def test_outputs_that_are_no_activations_are_refused(tap: str, expected: str) -> None:
    with pytest.raises(ModelError, match=expected), TapReader(Windows(), [tap]) as read:
        read(torch.zeros(3, 3, 4, 4))


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


PAPER = {
    "resnet50": {
        "conv1": (64, 112**2),
        "layer1": (256, 56**2),
        "layer2": (512, 28**2),
        "layer3": (1024, 14**2),
        "layer4": (2048, 7**2),
    },
    "densenet121": {
        "features.conv0": (64, 112**2),
        "features.denseblock1": (256, 56**2),
        "features.denseblock2": (512, 28**2),
        "features.denseblock3": (1024, 14**2),
        "features.denseblock4": (1024, 7**2),
    },
    "convnext_base": {
        "features.0": (128, 56**2),
        "features.2.1": (256, 28**2),
        "features.4.1": (512, 14**2),
        "features.6.1": (1024, 7**2),
        "features.7.2": (1024, 7**2),
    },
    "vit_l_16": {
        "conv_proj": (1024, 14**2),
        **{f"encoder.layers.encoder_layer_{i}": (1024, 197) for i in (2, 9, 20, 23)},
    },
    "vit_l_32": {
        "conv_proj": (1024, 7**2),
        **{f"encoder.layers.encoder_layer_{i}": (1024, 50) for i in (2, 9, 20, 23)},
    },
}
"""The five networks of the paper (section 3): channels and positions at 224 x 224 pixels."""


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_taps_have_the_papers_shapes(name: str) -> None:
    network = outline(f"torchvision/{name}")
    assert tap_shapes(network, PAPER[name], (224, 224)) == PAPER[name]


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("timm/vit_tiny_patch16_224", 197),
        ("timm/deit3_small_patch16_224", 197),
        ("timm/eva02_tiny_patch14_224", 257),
        ("timm/vit_medium_patch16_reg4_gap_256", 260),
    ],
)
def test_class_and_register_tokens_stay(name: str, tokens: int) -> None:
    network = outline(name)
    shapes = tap_shapes(network, ["blocks.0"], own_size(network))
    assert shapes["blocks.0"][1] == tokens
