"""Single rules against their definitions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import timm
import torch
from torch import nn
from torch.nn import functional
from torchvision.ops import SqueezeExcitation

from helpers.draws import draws
from vital.relevance import (
    ChannelStart,
    RelevanceReader,
    canonical_composite,
    class_start,
    vital_composite,
)


def gradient_times_input(
    function: Callable[[torch.Tensor], torch.Tensor], module: nn.Module, x: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Relevance of x for the sum of squares of a module, by ``function`` and by the library."""
    network = nn.Sequential(nn.Identity(), module, nn.Flatten()).eval()
    direction = torch.randn(network(x)[0].numel(), generator=draws(6))
    leaf = x.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((function(leaf).flatten(1) @ direction).sum(), leaf)

    class Dot(nn.Module):
        def forward(self, values: torch.Tensor) -> torch.Tensor:
            return (values * direction).sum(1, keepdim=True)

    network.append(Dot())
    with RelevanceReader(network, ["0"], canonical_composite(epsilon=1e-9)) as read:
        found = read(x, [class_start(0)] * len(x)).relevance["0"]
    return found, (x * gradient)


def test_layer_norm_keeps_its_deviation() -> None:
    torch.manual_seed(7)
    norm = nn.LayerNorm(6)
    norm.weight.data.uniform_(0.5, 1.5)
    norm.bias.data.uniform_(-1, 1)
    x = torch.randn(2, 5, 6, generator=draws())
    deviation = (x.var(-1, correction=0, keepdim=True) + norm.eps).sqrt()

    def function(values: torch.Tensor) -> torch.Tensor:
        return (values - values.mean(-1, keepdim=True)) / deviation * norm.weight + norm.bias

    found, expected = gradient_times_input(function, norm, x)
    torch.testing.assert_close(found, expected.transpose(1, 2))


def test_layer_norm_over_channels_of_maps_keeps_its_deviation() -> None:
    norm = timm.layers.LayerNorm2d(6)
    norm.weight.data.uniform_(0.5, 1.5)
    x = torch.randn(2, 6, 3, 4, generator=draws())
    deviation = (x.var(1, correction=0, keepdim=True) + norm.eps).sqrt()

    def function(values: torch.Tensor) -> torch.Tensor:
        centred = (values - values.mean(1, keepdim=True)) / deviation
        return centred * norm.weight[:, None, None] + norm.bias[:, None, None]

    found, expected = gradient_times_input(function, norm, x)
    torch.testing.assert_close(found, expected.flatten(2))


@pytest.mark.parametrize("module", [nn.GELU(), nn.SiLU(), nn.Hardswish(), nn.ReLU6()])
def test_non_linearities_are_factors(module: nn.Module) -> None:
    x = 4 * torch.randn(2, 5, 3, 4, generator=draws())
    x[0, 0] = 0.0
    factor = torch.where(x == 0, 0.0, module(x) / x)
    found, expected = gradient_times_input(lambda values: values * factor, module, x)
    torch.testing.assert_close(found, expected.flatten(2))


def test_where_a_non_linearity_is_at_zero_its_slope_is_the_factor() -> None:
    """Two branches that cancel out are each as relevant as where they very nearly do."""

    class Shifted(nn.Module):
        def __init__(self, shift: torch.Tensor) -> None:
            super().__init__()
            self.shift = shift

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.shift

    x = torch.rand(1, 1, 2, 2, generator=draws()) + 0.5
    network = nn.Sequential(nn.Identity(), Shifted(-x), nn.SiLU()).eval()
    with RelevanceReader(network, ["0"], canonical_composite()) as read:
        found = read(x, [ChannelStart("2", 0)]).relevance["0"]
    torch.testing.assert_close(found, (x / 2).flatten(2))


@pytest.mark.parametrize(
    "module",
    [timm.layers.SqueezeExcite(8), SqueezeExcitation(8, 4)],
    ids=["timm", "torchvision"],
)
def test_gates_are_factors(module: nn.Module) -> None:
    x = torch.randn(2, 8, 3, 4, generator=draws())
    factor = (module(x) / x).detach()
    found, expected = gradient_times_input(lambda values: values * factor, module, x)
    torch.testing.assert_close(found, expected.flatten(2), rtol=1e-4, atol=1e-6)


def test_response_normalisation_keeps_its_norms() -> None:
    module = timm.layers.grn.GlobalResponseNorm(6, channels_last=False)
    module.weight.data.uniform_(0.5, 1.5)
    module.bias.data.uniform_(-1, 1)
    x = torch.randn(2, 6, 3, 4, generator=draws())
    norms = x.norm(dim=(2, 3), keepdim=True)
    factor = 1 + module.weight[:, None, None] * norms / (norms.mean(1, keepdim=True) + module.eps)
    found, expected = gradient_times_input(lambda v: v * factor.detach(), module, x)
    torch.testing.assert_close(found, expected.flatten(2), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("fused", [True, False])
def test_attention_is_linear_in_its_values(fused: bool) -> None:
    torch.manual_seed(8)
    module = timm.layers.Attention(8, num_heads=2, qkv_bias=True).eval()
    module.fused_attn = fused
    x = torch.randn(2, 5, 8, generator=draws())
    with torch.no_grad():
        query, key, _ = module.qkv(x).view(2, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
        weights = (query @ key.transpose(-2, -1) / 2).softmax(-1)

    def function(values: torch.Tensor) -> torch.Tensor:
        value = module.qkv(values).view(2, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)[2]
        return module.proj((weights @ value).transpose(1, 2).flatten(2))

    found, expected = gradient_times_input(function, module, x)
    torch.testing.assert_close(found, expected.transpose(1, 2), rtol=1e-4, atol=1e-5)
    assert module.fused_attn is fused


@pytest.mark.parametrize("masked", [True, False])
def test_torchs_attention_is_linear_in_its_values(masked: bool) -> None:
    torch.manual_seed(9)
    attention = nn.MultiheadAttention(8, 2, batch_first=True).eval()
    attention.in_proj_bias.data.uniform_(-1, 1)
    mask = torch.randn(5, 5, generator=draws(10)) if masked else None

    class SelfAttention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = attention

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.attention(x, x, x, need_weights=False, attn_mask=mask)[0]

    x = torch.randn(2, 5, 8, generator=draws())
    weight, bias = attention.in_proj_weight, attention.in_proj_bias
    with torch.no_grad():
        projected = functional.linear(x, weight, bias).view(2, 5, 3, 2, 4).permute(2, 0, 3, 1, 4)
        scores = projected[0] @ projected[1].transpose(-2, -1) / 2
        weights = (scores if mask is None else scores + mask).softmax(-1)

    def function(values: torch.Tensor) -> torch.Tensor:
        value = functional.linear(values, weight[16:], bias[16:]).view(2, 5, 2, 4).transpose(1, 2)
        return attention.out_proj((weights @ value).transpose(1, 2).flatten(2))

    found, expected = gradient_times_input(function, SelfAttention(), x)
    torch.testing.assert_close(found, expected.transpose(1, 2), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 2, 1), (2, 2, 0), (3, 1, 1)])
@pytest.mark.parametrize("size", [6, 7])
def test_max_pooling_counts_as_average_pooling(
    kernel: int, stride: int, padding: int, size: int
) -> None:
    network = nn.Sequential(nn.Identity(), nn.MaxPool2d(kernel, stride, padding)).eval()
    x = torch.rand(1, 2, size, size, generator=draws()) + 0.1
    with RelevanceReader(network, ["0"], vital_composite()) as read:
        reading = read(x, [ChannelStart("1", 1)])
    found = reading.relevance["0"].view(2, size, size)
    torch.testing.assert_close(found.sum().view(1), reading.starts, rtol=1e-3, atol=0)
    assert float(found[0].abs().max()) == 0
    if stride == 2 and size == 6:
        started = network(x)[0, 1]
        for row in range(3):
            for column in range(3):
                window = (slice(2 * row, 2 * row + 2), slice(2 * column, 2 * column + 2))
                part = x[0, 1][window] / x[0, 1][window].sum()
                torch.testing.assert_close(
                    found[1][window], part * started[row, column], rtol=1e-3, atol=1e-5
                )


def test_a_concatenation_is_split_as_it_was_joined() -> None:
    class Joined(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 3, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([self.first(x), self.second(x)], 1)

    network = nn.Sequential(Joined(), nn.Conv2d(5, 2, 3)).eval()
    images = torch.randn(1, 3, 6, 6, generator=draws())
    with RelevanceReader(network, ["0", "0.first", "0.second"], vital_composite()) as read:
        found = read(images, [ChannelStart("1", 0)]).relevance
    assert torch.equal(found["0"], torch.cat([found["0.first"], found["0.second"]], 1))
