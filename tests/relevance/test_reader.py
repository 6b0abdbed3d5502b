"""The reader: what it gives, what it refuses, and that it leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from helpers.draws import draws
from helpers.families import FAMILIES, images_of, network_of
from helpers.slow_rules import through_convolution
from vital.errors import ModelError, ParamsError
from vital.networks.taps.reader import TapReader, opponent_colours
from vital.relevance import (
    COMPOSITES,
    ChannelStart,
    Composite,
    DirectionStart,
    PositionStart,
    RelevanceReader,
    canonical_composite,
    class_start,
    guided_composite,
    vital_composite,
)

RESNET = FAMILIES["timm resnet"]

VIT = FAMILIES["timm vit"]


class InterruptedPassError(RuntimeError):
    """Raised from within, to see what is left."""


def state_of(network: nn.Module) -> dict[str, Any]:
    """All there is to a network but the values of its tensors."""
    state: dict[str, Any] = {}
    for name, module in network.named_modules():
        plain = {k: v for k, v in vars(module).items() if not k.startswith("_")}
        hooks = {k: len(v) for k, v in vars(module).items() if k.endswith("_hooks") and v}
        state[name] = (type(module), plain, hooks, list(module._modules), list(module._parameters))
    asks = {name: value.requires_grad for name, value in network.named_parameters()}
    return {"modules": state, "asks": asks}


def supporting(name: str) -> list[Composite]:
    attention = any(word in name for word in ("vit", "deit", "swin"))
    return [make() for key, make in COMPOSITES.items() if not (key == "vital" and attention)]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_network_is_the_same_afterwards(name: str) -> None:
    family = FAMILIES[name]
    network = network_of(family)
    images = images_of(family)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    state = state_of(network)
    with torch.no_grad():
        expected = network(images)
    for rules in supporting(name):
        with RelevanceReader(network, family.taps, rules) as read:
            read(images, [class_start(1)] * len(images))
        with (
            pytest.raises(InterruptedPassError),
            RelevanceReader(network, family.taps, rules) as read,
        ):
            read(images, [class_start(1)] * len(images))
            raise InterruptedPassError
        assert state_of(network) == state
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[key], before[key]) for key in before)
    with torch.no_grad():
        assert torch.equal(network(images), expected)


def test_the_network_is_the_same_after_an_error_in_the_middle_of_a_pass() -> None:
    network = network_of(RESNET)
    state = state_of(network)

    def fail(_module: nn.Module, _inputs: Any, _output: Any) -> None:
        raise InterruptedPassError

    for tap in ("layer2", "layer4"):
        reader = RelevanceReader(network, ["layer1"], vital_composite())
        with pytest.raises(InterruptedPassError), reader as read:
            read(images_of(RESNET), [ChannelStart("layer3", 1)] * 2)
            handle = network.get_submodule(tap).register_forward_hook(fail)
            try:
                read(images_of(RESNET), [class_start(1)] * 2)
            finally:
                handle.remove()
        assert state_of(network) == state


def test_the_network_is_the_same_after_an_error_in_the_first_pass() -> None:
    network = network_of(RESNET)
    state = state_of(network)
    with pytest.raises(ModelError), RelevanceReader(network, ["layer1"], vital_composite()) as read:
        read(torch.zeros(1, 3, 64, 64), [ChannelStart("layer9", 0)])
    with (
        pytest.raises(RuntimeError),
        RelevanceReader(network, ["layer1"], vital_composite()) as read,
    ):
        read(torch.zeros(1, 4, 64, 64), [class_start(0)])
    assert state_of(network) == state


@pytest.mark.parametrize("name", FAMILIES)
def test_activations_and_plain_gradients_are_the_networks_own(name: str) -> None:
    family = FAMILIES[name]
    network = network_of(family).requires_grad_(False)
    images = images_of(family).requires_grad_()
    values = output_of(network, family.start, images, channels_last="swin" in name)
    (expected,) = torch.autograd.grad(values.square().mean(), images)
    for rules in supporting(name):
        with RelevanceReader(network, [*family.taps, family.start], rules) as read:
            found = read(images, [class_start(1)] * len(images)).activations[family.start]
        torch.testing.assert_close(found, values, rtol=1e-4, atol=1e-5)
        (gradient,) = torch.autograd.grad(found.square().mean(), images)
        scale = float(expected.abs().max())
        torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-4 * scale)


def output_of(
    network: nn.Module, tap: str, images: torch.Tensor, channels_last: bool
) -> torch.Tensor:
    """What a module gives, as (B, C, D), from a plain pass."""
    kept: list[torch.Tensor] = []
    module = network.get_submodule(tap)
    handle = module.register_forward_hook(lambda _module, _inputs, output: kept.append(output * 1))
    network(images)
    handle.remove()
    (output,) = kept
    if output.dim() == 4 and not channels_last:
        return output.flatten(2)
    return output.movedim(-1, 1).flatten(2)


def test_a_loss_under_masks_takes_the_masks_as_constants() -> None:
    network = network_of(RESNET).requires_grad_(False)
    images = images_of(RESNET).requires_grad_()
    with RelevanceReader(network, ["layer1"], vital_composite()) as read:
        reading = read(images, [ChannelStart("layer3", 1)] * 2)
        masked = reading.activations["layer1"] * reading.relevance["layer1"]
        (found,) = torch.autograd.grad(masked.square().sum(), images)
    assert not reading.relevance["layer1"].requires_grad
    with TapReader(network, ["layer1"]) as read_plainly:
        plain = read_plainly(images)["layer1"] * reading.relevance["layer1"]
        (expected,) = torch.autograd.grad(plain.square().sum(), images)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("rules", [make() for make in COMPOSITES.values()], ids=list(COMPOSITES))
def test_an_image_has_the_same_relevance_whatever_is_in_the_batch(rules: Composite) -> None:
    network = network_of(RESNET)
    images = images_of(RESNET, count=4)
    starts = [
        ChannelStart("layer3", 3),
        class_start(2),
        PositionStart("layer4", 5),
        ChannelStart("layer3", 1),
    ]
    taps = ["input", "layer1", "layer2"]
    with RelevanceReader(network, taps, rules) as read:
        together = read(images, starts)
        for place, start in enumerate(starts):
            alone = read(images[place : place + 1], [start])
            torch.testing.assert_close(together.starts[place], alone.starts[0])
            for tap in taps:
                found, expected = together.relevance[tap][place], alone.relevance[tap][0]
                scale = float(expected.abs().max())
                torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5 * scale)


@pytest.mark.parametrize("rules", [make() for make in COMPOSITES.values()], ids=list(COMPOSITES))
def test_two_passes_in_a_row_give_the_same_numbers(rules: Composite) -> None:
    network = network_of(RESNET)
    images = images_of(RESNET)
    taps = ["input", *RESNET.taps]
    with RelevanceReader(network, taps, rules) as read:
        first, second = (read(images, [class_start(2)] * 2) for _ in range(2))
    reopened = RelevanceReader(network, taps, rules)
    with reopened as read:
        third = read(images, [class_start(2)] * 2)
    for tap in taps:
        assert torch.equal(first.relevance[tap], second.relevance[tap])
        assert torch.equal(first.relevance[tap], third.relevance[tap])


def test_shapes_are_channels_and_positions() -> None:
    with RelevanceReader(
        network_of(RESNET), ["input", "layer1", "layer4"], vital_composite()
    ) as read:
        reading = read(images_of(RESNET), [class_start(0)] * 2)
    shapes = {tap: tuple(value.shape) for tap, value in reading.relevance.items()}
    assert shapes == {"input": (2, 3, 64 * 64), "layer1": (2, 32, 256), "layer4": (2, 96, 4)}
    assert {tap: tuple(v.shape) for tap, v in reading.activations.items()} == shapes
    assert reading.starts.shape == (2,)


def test_tokens_are_positions() -> None:
    with RelevanceReader(network_of(VIT), ["blocks.0"], canonical_composite()) as read:
        reading = read(images_of(VIT), [class_start(0)] * 2)
    assert reading.relevance["blocks.0"].shape == (2, 64, 17)


def test_the_input_is_read_in_pixels_and_its_activations_in_opponent_colours() -> None:
    network = network_of(RESNET)
    images = images_of(RESNET)
    with RelevanceReader(network, ["input"], canonical_composite()) as read:
        reading = read(images, [class_start(0)] * 2)
    torch.testing.assert_close(
        reading.activations["input"], opponent_colours(images).flatten(2), rtol=1e-5, atol=1e-6
    )
    assert reading.relevance["input"].shape == (2, 3, 64 * 64)


@pytest.mark.parametrize("rules", [vital_composite(), canonical_composite(), guided_composite()])
def test_taps_and_starts_that_make_no_sense_are_refused(rules: Composite) -> None:
    network = network_of(RESNET)
    image = images_of(RESNET, count=1)
    with pytest.raises(ModelError, match=r"no tap 'layer5'.*'layer4'"):
        RelevanceReader(network, ["layer5"], rules)
    with RelevanceReader(network, ["layer4"], rules) as read:
        with pytest.raises(ModelError, match="'layer4' is not upstream of the start 'layer3'"):
            read(image, [ChannelStart("layer3", 0)])
        with pytest.raises(ModelError, match=r"no tap 'layr3'.*'layer3'"):
            read(image, [ChannelStart("layr3", 0)])
        with pytest.raises(ParamsError, match="'layer4' has no channel 96; legal here: 0 to 95"):
            read(image, [ChannelStart("layer4", 96)])
        with pytest.raises(ParamsError, match="no channel -1"):
            read(image, [PositionStart("layer4", -1)])
        with pytest.raises(ParamsError, match="2 components, tap 'layer4' 96 channels"):
            read(image, [DirectionStart("layer4", (1.0, 2.0))])
        with pytest.raises(ParamsError, match="2 starts for 1 images"):
            read(image, [class_start(0)] * 2)


def assert_not_upstream(tap: str, start: str) -> None:
    with (
        RelevanceReader(network_of(RESNET), [tap], vital_composite()) as read,
        pytest.raises(ModelError, match=f"'{tap}' is not upstream of the start '{start}'"),
    ):
        read(images_of(RESNET, 1), [ChannelStart(start, 0)])


def test_a_block_is_not_upstream_of_what_is_inside_it() -> None:
    assert_not_upstream("layer2", "layer2.0.conv1")


def test_a_parallel_branch_is_not_upstream() -> None:
    assert_not_upstream("layer2.0.conv1", "layer2.0.downsample.1")


def test_taps_inside_of_gates_are_refused() -> None:
    network = network_of(FAMILIES["timm efficientnet"])
    with pytest.raises(ModelError, match=r"lies inside 'blocks.3.0.se' \(SqueezeExcite\)"):
        RelevanceReader(network, ["blocks.3.0.se.conv_reduce"], canonical_composite())


def test_a_network_in_training_mode_is_refused() -> None:
    with pytest.raises(ModelError, match="evaluation mode"):
        RelevanceReader(network_of(RESNET).train(), ["layer1"], vital_composite())


class OwnBlock(nn.Module):
    """A residual block that no library knows, with a functional ReLU in place."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        y += x
        return functional.relu(y, inplace=True)


def test_blocks_of_ones_own_need_no_canonizer() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), OwnBlock(), OwnBlock()).eval()
    images = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(9))
    start = [ChannelStart("3", 0)] * 2
    with RelevanceReader(network, ["1", "2"], canonical_composite(epsilon=1e-9)) as read:
        reading = read(images, start)
    for relevance in reading.relevance.values():
        torch.testing.assert_close(relevance.sum((1, 2)), reading.starts, rtol=1e-2, atol=1e-4)
    with RelevanceReader(network, ["2", "3"], vital_composite()) as read:
        reading = read(images, start)
    x, arriving = (
        reading.activations["2"].view(2, 4, 6, 6),
        reading.relevance["3"].view(2, 4, 6, 6),
    )
    main = network[3].conv(x).detach()
    part = main.abs() / (main.abs() + x.abs()).clamp(min=1e-30)
    expected = through_convolution(network[3].conv, x, arriving * part) + arriving * (1 - part)
    torch.testing.assert_close(reading.relevance["2"].view(2, 4, 6, 6), expected.detach())


@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6])
def test_what_would_feed_a_silent_unit_is_relevant_where_that_is_asked_for(
    activation: type[nn.Module],
) -> None:
    """From 1 at every position, by the z+ rule; a unit that responds is read as ever."""
    torch.manual_seed(6)
    last = nn.Conv2d(4, 2, 1, bias=False)
    norm = nn.BatchNorm2d(2)
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), last, norm, activation()).eval()
    dim = torch.rand(3, 5, 5, generator=draws())
    images = torch.stack([dim, 100 * dim])
    with torch.no_grad():
        last.weight[1].abs_()
        norm.bias[1] -= network[:4](images[:1])[0, 1].max() + 1  # the first is silent
    starts = [ChannelStart("4", 1)] * 2
    with RelevanceReader(network, ["1"], vital_composite()) as read:
        asked, plain = read(images, starts, silent=True), read(images, starts)
    assert plain.relevance["1"][0].abs().max() == 0
    assert plain.relevance["1"][1].abs().max() > 0
    assert torch.equal(asked.relevance["1"][1], plain.relevance["1"][1])
    assert asked.starts[0] == 25
    contributions = asked.activations["1"][0] * last.weight.detach()[1, :, 0, 0, None]
    expected = contributions / (contributions.sum(dim=0, keepdim=True) + 1e-5)
    torch.testing.assert_close(asked.relevance["1"][0], expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("starts", [[class_start(0)], [ChannelStart("2", 1)]])
def test_a_gradient_that_is_cut_off_is_told_with_its_tap(
    starts: list[ChannelStart],
) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(1))
    network[1].register_forward_hook(lambda _m, _i, output: output.detach())
    network.eval().requires_grad_(False)
    expected = "tap '1' has no gradient by the image"
    with (
        RelevanceReader(network, ["0", "1"], vital_composite()) as read,
        pytest.raises(ModelError, match=expected),
    ):
        read(torch.randn(1, 3, 8, 8), starts)
