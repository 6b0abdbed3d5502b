"""Rules of layers with weights: zennit's own, with a batch norm as a part of its layer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import timm
import torch
from torch import nn
from zennit.core import BasicHook
from zennit.core import Composite as ZennitComposite
from zennit.rules import AlphaBeta, Epsilon, Gamma, ZPlus

from helpers.draws import draws
from vital.relevance import ChannelStart, RelevanceReader, canonical_composite, class_start

RULES: dict[str, Callable[[], BasicHook]] = {
    "epsilon": lambda: Epsilon(1e-6),
    "gamma": lambda: Gamma(0.25, stabilizer=1e-6),
    "alpha_beta": lambda: AlphaBeta(2.0, 1.0, stabilizer=1e-6),
    "z_plus": lambda: ZPlus(stabilizer=1e-6),
}


@pytest.mark.parametrize("positive", [True, False], ids=["after a ReLU", "of either sign"])
@pytest.mark.parametrize("name", RULES)
def test_rules_of_layers_with_weights_are_zennits(name: str, positive: bool) -> None:
    torch.manual_seed(1)
    network = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 4, 3, stride=2, groups=2), nn.Flatten()
    )
    network.append(nn.Linear(36, 5)).eval()
    images = torch.randn(2, 3, 8, 8, generator=draws())
    images = images.abs() if positive else images

    composite = ZennitComposite(
        lambda _context, _name, module: (
            RULES[name]() if isinstance(module, (nn.Conv2d, nn.Linear)) else None
        )
    )
    pixels = images.clone().requires_grad_()
    with composite.context(network):
        logits = network(pixels)
        start = torch.zeros_like(logits)
        start[:, 3] = logits.detach()[:, 3]
        (expected,) = torch.autograd.grad(logits, pixels, start)

    chosen = canonical_composite(convolution=name, linear=name)  # type: ignore[arg-type]
    with RelevanceReader(network, ["input"], chosen) as read:
        found = read(images, [class_start(3)] * 2).relevance["input"]
    torch.testing.assert_close(found, expected.flatten(2), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", RULES)
def test_a_batch_norm_counts_as_part_of_the_layer_before_it(name: str) -> None:
    torch.manual_seed(2)
    norm = nn.BatchNorm2d(6)
    for value in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        value.data.uniform_(0.3, 1.2)
    norm.weight.data[:3] *= -1
    convolution = nn.Conv2d(3, 6, 3)
    merged = nn.Conv2d(3, 6, 3)
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    merged.weight.data = convolution.weight.data * scale.data[:, None, None, None]
    merged.bias.data = (convolution.bias - norm.running_mean) * scale + norm.bias
    images = torch.randn(2, 3, 8, 8, generator=draws())
    chosen = canonical_composite(convolution=name)  # type: ignore[arg-type]
    last = nn.Conv2d(6, 2, 3)
    found = []
    for layers in ([convolution, norm], [merged, nn.Identity()]):
        network = nn.Sequential(*layers, nn.ReLU(), last).eval()
        with RelevanceReader(network, ["input"], chosen) as read:
            found.append(read(images, [ChannelStart("3", 1)] * 2).relevance["input"])
    torch.testing.assert_close(*found, rtol=1e-3, atol=1e-5)


def test_timms_batch_norm_with_an_activation_of_its_own_counts_as_part_too() -> None:
    torch.manual_seed(3)
    joined = timm.layers.BatchNormAct2d(6, act_layer=nn.SiLU)
    for value in (joined.weight, joined.bias, joined.running_mean, joined.running_var):
        value.data.uniform_(0.3, 1.2)
    plain = nn.BatchNorm2d(6)
    plain.load_state_dict(joined.state_dict())
    first, last = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 2, 3)
    images = torch.randn(2, 3, 8, 8, generator=draws())
    found = []
    for middle in ([joined], [plain, nn.SiLU()]):
        network = nn.Sequential(first, *middle, last).eval()
        with RelevanceReader(network, ["input"], canonical_composite()) as read:
            start = ChannelStart(str(len(network) - 1), 1)
            found.append(read(images, [start] * 2).relevance["input"])
    torch.testing.assert_close(*found)
