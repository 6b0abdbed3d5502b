"""Whether gradients lead back to the image, beside those that autograd computes."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.small_networks import redraw
from vital.errors import ModelError
from vital.networks.build import build_network, freeze
from vital.networks.taps.gradients import check_gradients
from vital.networks.taps.module_outputs import module_outputs
from vital.relevance.capture import outputs_until


class Branches(nn.Module):
    """Four layers, of which ``cut`` detaches what some are given; the first goes on besides."""

    def __init__(self, cut: str) -> None:
        super().__init__()
        self.cut = cut
        self.a, self.b, self.c, self.d = (nn.Conv2d(3, 3, 1) for _ in range(4))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        first = self.a(self._given("a", images))
        second = self.b(self._given("b", first))
        third = self.c(self._given("c", second))
        return self.d(self._given("d", third + self._given("e", first))).mean((2, 3))

    def _given(self, name: str, value: torch.Tensor) -> torch.Tensor:
        return value.detach() if name in self.cut else value


@pytest.mark.parametrize("cut", ["", "a", "b", "c", "d", "ce", "be", "e", "bc"])
def test_a_tap_is_refused_where_autograd_knows_no_gradient(cut: str) -> None:
    network = Branches(cut).eval().requires_grad_(False)
    image = torch.randn(1, 3, 8, 8)
    for tap in (*"abcd", "class"):
        seen = image.clone().requires_grad_()
        value = outputs_until(network, seen, [tap], [tap])[tap]
        leads = (
            value.requires_grad
            and torch.autograd.grad(value.sum(), seen, allow_unused=True)[0] is not None
        )
        if leads:
            check_gradients(network, [tap], image)
        else:
            with pytest.raises(ModelError, match=f"tap {tap!r} has no gradient"):
                check_gradients(network, [tap], image)


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("timm/test_vit", {"img_size": 64}),
        ("timm/test_efficientnet", {}),
        ("timm/resnet10t", {"channels": [8, 8, 16, 16]}),
    ],
)
def test_whatever_can_be_read_of_ordinary_networks_has_a_gradient(
    name: str, kwargs: dict[str, object]
) -> None:
    network = freeze(redraw(build_network(name, kwargs), seed=1))
    taps = [one.tap for one in module_outputs(network, (64, 64))]
    check_gradients(network, ["input", *taps, "class"], torch.randn(1, 3, 64, 64))


def test_one_pass_there_and_one_back_are_enough() -> None:
    class Counted(torch.autograd.Function):
        @staticmethod
        def forward(_context: object, value: torch.Tensor) -> torch.Tensor:
            passes["there"] += 1
            return value + 1

        @staticmethod
        def backward(_context: object, gradient: torch.Tensor) -> torch.Tensor:
            passes["back"] += 1
            return gradient

    class Layer(nn.Module):
        def forward(self, value: torch.Tensor) -> torch.Tensor:
            return Counted.apply(value)

    passes = {"there": 0, "back": 0}
    network = nn.Sequential(*(Layer() for _ in range(6))).eval()
    check_gradients(network, [str(i) for i in range(6)], torch.randn(1, 3, 4, 4))
    assert passes == {"there": 6, "back": 6}


def test_parameters_that_ask_for_gradients_do_not_stand_for_the_image() -> None:
    network = Branches("c").eval()
    with pytest.raises(ModelError, match="tap 'c' has no gradient"):
        check_gradients(network, ["c"], torch.randn(1, 3, 8, 8))
