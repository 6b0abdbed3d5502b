"""Maps lie channels last where that is faster, and nowhere that a network minds it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from helpers.own_networks import SEEN, Net
from helpers.pretended_device import PRETENDED, PretendedDevice
from helpers.small_networks import CPU, SIDE, lively_model
from vital.networks.build import build_network, freeze
from vital.networks.memory_layout import lay_out, layout_of
from vital.networks.model import StudiedModel, open_model
from vital.networks.taps.reader import TapReader
from vital.networks.weights import state_digest

convolutional = pytest.mark.parametrize(
    "name", ["timm/test_resnet", "timm/test_convnext", "timm/test_efficientnet"]
)

SIZE = (32, 32)
NOISE = torch.randn(3, 3, *SIZE, generator=torch.Generator().manual_seed(3))


def own(**changes: Callable[[torch.Tensor], Any]) -> StudiedModel:
    torch.manual_seed(0)
    return open_model(Net(**changes), **SEEN)


def answers(network: nn.Module, images: torch.Tensor = NOISE) -> tuple[torch.Tensor, torch.Tensor]:
    seen = images.clone().requires_grad_()
    logits = network(seen)
    (gradient,) = torch.autograd.grad(logits.square().sum(), seen)
    return logits.detach(), gradient


@convolutional
def test_a_convolutional_network_answers_the_same_but_for_rounding(name: str) -> None:
    torch.manual_seed(0)
    network = freeze(build_network(name, {}))
    plain = answers(network)
    lay_out(network, SIZE)
    assert layout_of(network) == "channels last"
    maps = []
    first = next(one for one in network.modules() if isinstance(one, nn.Conv2d))
    with first.register_forward_hook(lambda _module, _inputs, output: maps.append(output)):
        turned = answers(network)
    assert maps[0].is_contiguous(memory_format=torch.channels_last)
    assert not maps[0].is_contiguous()
    for one, other in zip(turned, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4 * float(other.abs().max()))


@convolutional
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_an_image_has_the_same_bytes_whatever_its_neighbours_and_its_place(
    name: str, precision: torch.dtype
) -> None:
    torch.manual_seed(0)
    network = freeze(build_network(name, {}))
    lay_out(network, SIZE)
    images, others = torch.randn(2, 5, 3, *SIZE)
    others[3] = images[0]
    with torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32):
        first, moved = answers(network, images), answers(network, others)
    for one, other in zip(first, moved, strict=True):
        assert torch.equal(one[0], other[3])


def test_a_transformer_stays_as_it_is() -> None:
    network = freeze(build_network("timm/test_vit", {"img_size": 32}))
    plain = answers(network)
    lay_out(network, SIZE)
    assert layout_of(network) == "contiguous"
    assert all(map(torch.equal, answers(network), plain))


def _viewed(maps: torch.Tensor) -> torch.Tensor:
    return maps.view(len(maps), -1).relu().view_as(maps)


def _in_order_of_memory(maps: torch.Tensor) -> torch.Tensor:
    return maps.as_strided(maps.shape, torch.empty(maps.shape).stride()).relu()


def _cut_off(maps: torch.Tensor) -> torch.Tensor:
    return maps.detach()


def _at_random(maps: torch.Tensor) -> torch.Tensor:
    return maps * torch.rand(maps.shape)


@pytest.mark.parametrize("between", [_viewed, _in_order_of_memory, _cut_off, _at_random])
def test_a_network_that_cannot_take_it_stays_as_it_is(between: Callable[..., Any]) -> None:
    model = own(between=between)
    weights = {name: value.stride() for name, value in model.network.state_dict().items()}
    torch.manual_seed(1)
    with torch.no_grad():
        plain = model.network(NOISE)
    assert model.to(CPU).layout == "contiguous"
    assert {name: value.stride() for name, value in model.network.state_dict().items()} == weights
    torch.manual_seed(1)
    with torch.no_grad():
        assert torch.equal(model.network(NOISE), plain)


def test_what_draws_at_random_finds_the_callers_draws_as_they_were() -> None:
    model = own(between=_at_random)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    model.to(CPU)
    assert torch.equal(torch.rand(3), expected)


def test_it_is_tried_once_and_whatever_the_caller_has_set() -> None:
    passes = []

    def count(maps: torch.Tensor) -> torch.Tensor:
        passes.append(maps.requires_grad)
        return maps.relu()

    model = own(between=count)
    passes.clear()
    with torch.inference_mode():
        assert model.to(CPU).layout == "channels last"
    assert passes == [True, True]
    assert model.to(CPU).layout == "channels last"
    assert len(passes) == 2
    with TapReader(model.network, model.taps) as read:
        (gradient,) = torch.autograd.grad(
            read(seen := NOISE.clone().requires_grad_())["body"].sum(), seen
        )
    assert gradient.shape == NOISE.shape


def test_memory_that_is_used_up_is_no_reason_for_another_layout() -> None:
    def fail(_maps: torch.Tensor) -> torch.Tensor:
        raise MemoryError

    model = own()
    model.network.between = fail
    with pytest.raises(MemoryError):
        model.to(CPU)


def test_weights_are_the_same_wherever_they_lie() -> None:
    model = lively_model(["layer2"])
    before = state_digest(model.network)
    copied = copy.deepcopy(model.to(CPU).network)
    assert layout_of(copied) == "channels last"
    assert state_digest(copied) == before


def test_another_device_gets_contiguous_weights() -> None:
    network = lively_model(["layer2"]).to(CPU).network
    model = open_model(network, taps=["layer2"], preprocessing=SIDE)
    assert model.layout == "channels last"
    with PretendedDevice():
        assert model.to(PRETENDED).layout == "contiguous"


def test_weights_of_other_dimensions_stay() -> None:
    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
            self.deep, self.flat = nn.Conv3d(1, 1, 3), nn.Linear(4, 2)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            maps = self.second(self.first(images))
            return self.flat(self.deep(maps[:, None]).mean((1, 2, 3, 4))[:, None].expand(-1, 4))

    network = freeze(Mixed())
    lay_out(network, SIZE)
    assert layout_of(network) == "channels last"
    assert network.deep.weight.is_contiguous()
