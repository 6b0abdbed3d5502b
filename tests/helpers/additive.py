"""How much relevance the additive terms of a network take, computed term by term.

Every term is a vector b that something adds to what it computes. Where relevance is gradient times
activation, b takes b times the gradient at the sum; under zennit's rules for layers with weights it
takes its share of the denominator. Nothing here uses the library's rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from timm.layers.grn import GlobalResponseNorm
from timm.models.swin_transformer import WindowAttention
from torch import nn
from torch.nn import functional
from torchvision.models.swin_transformer import ShiftedWindowAttention

Norms = (nn.LayerNorm, GlobalResponseNorm)


@dataclass(frozen=True)
class Ran:
    """What a module was given and what it gave, in a plain pass.

    ``same_as`` are the very tensors, which later modules may have overwritten.
    """

    place: int
    input: torch.Tensor
    output: Any
    same_as: tuple[Any, Any]


@dataclass(frozen=True)
class Term:
    """An additive term: the tap at whose output it has been added, and its share of relevance.

    ``share`` takes the relevance at that tap, in the shape of the module's output, and gives (B,).
    """

    site: str
    share: Callable[[torch.Tensor], torch.Tensor]


def run(network: nn.Module, images: torch.Tensor) -> dict[str, Ran]:
    """The first run of every module, in the order in which they end."""
    ran: dict[str, Ran] = {}

    def hook(name: str) -> Callable[..., None]:
        def kept(value: Any) -> Any:
            return value.clone() if isinstance(value, torch.Tensor) else value

        def keep(_module: nn.Module, inputs: Any, output: Any) -> None:
            if name not in ran and inputs:
                ran[name] = Ran(len(ran), kept(inputs[0]), kept(output), (inputs[0], output))

        return keep

    handles = [m.register_forward_hook(hook(n)) for n, m in network.named_modules() if n]
    with torch.no_grad():
        network(images)
    for handle in handles:
        handle.remove()
    return ran


def pairs(network: nn.Module, ran: dict[str, Ran]) -> dict[str, str]:
    """The batch norm that takes a convolution's output, by the convolution's name."""
    modules = dict(network.named_modules())
    norms = [name for name in ran if isinstance(modules[name], nn.BatchNorm2d)]
    convolutions = [name for name in ran if isinstance(modules[name], nn.Conv2d)]
    return {
        convolution: norm
        for convolution in convolutions
        for norm in norms
        if ran[norm].same_as[0] is ran[convolution].same_as[1]
    }


def terms(network: nn.Module, ran: dict[str, Ran], gamma: float, epsilon: float) -> Iterator[Term]:
    """All additive terms of a network; ``gamma`` is the convolutions' rule, 0 means epsilon."""
    modules = dict(network.named_modules())
    paired = pairs(network, ran)
    apart = [n for n, m in modules.items() if "Squeeze" in type(m).__name__ or is_window(m)]
    for name, seen in ran.items():
        module = modules[name]
        if any(name.startswith(f"{outer}.") for outer in apart):
            continue
        if isinstance(module, nn.Conv2d):
            yield from _convolution(modules, ran, name, paired.get(name), gamma, epsilon)
        elif isinstance(module, nn.Linear) and module.bias is not None:
            yield Term(name, _weighted(module, None, seen.input, 0.0, epsilon))
        elif isinstance(module, nn.BatchNorm2d) and name not in paired.values():
            _, shift = affine(module)
            yield _plain(_end_of(modules, ran, name), ran, channels(shift, seen.output))
        elif isinstance(module, Norms) and module.bias is not None:
            yield _plain(name, ran, channels(module.bias, seen.output, module))
    yield from _attention(modules, ran)
    yield from _tokens(network, ran)


def _convolution(
    modules: dict[str, nn.Module],
    ran: dict[str, Ran],
    name: str,
    norm: str | None,
    gamma: float,
    epsilon: float,
) -> Iterator[Term]:
    convolution = modules[name]
    if norm is None:
        if convolution.bias is not None:
            yield Term(name, _weighted(convolution, None, ran[name].input, gamma, epsilon))
        return
    site = _end_of(modules, ran, norm)
    yield Term(site, _weighted(convolution, modules[norm], ran[name].input, gamma, epsilon))


def _weighted(
    layer: nn.Module, norm: nn.Module | None, x: torch.Tensor, gamma: float, epsilon: float
) -> Callable[[torch.Tensor], torch.Tensor]:
    """The bias's share of the denominator of the (generalised) gamma rule; epsilon is gamma 0."""

    def share(relevance: torch.Tensor) -> torch.Tensor:
        weight, bias = merged(layer, norm)
        one = torch.ones(len(bias))

        def apply(values: torch.Tensor, weights: torch.Tensor, biases: torch.Tensor | None) -> Any:
            if isinstance(layer, nn.Linear):
                return functional.linear(values, weights, biases)
            other = type(layer)(
                layer.in_channels,
                layer.out_channels,
                layer.kernel_size,
                layer.stride,
                layer.padding,
                layer.dilation,
                layer.groups,
            )
            other.weight = nn.Parameter(weights)
            other.bias = None if biases is None else nn.Parameter(biases)
            return other(values)

        up, down = weight + gamma * weight.clamp(min=0), weight + gamma * weight.clamp(max=0)
        above, below = bias + gamma * bias.clamp(min=0), bias + gamma * bias.clamp(max=0)
        with torch.no_grad():
            output = apply(x, weight, bias)
            high = apply(x.clamp(min=0), up, above) + apply(x.clamp(max=0), down, None)
            low = apply(x.clamp(min=0), down, below) + apply(x.clamp(max=0), up, None)
        denominator = torch.where(output > 0, high, low)
        denominator = denominator + epsilon * torch.where(denominator < 0, -1.0, 1.0)
        added = torch.where(
            output > 0,
            channels(above * one, output, layer),
            channels(below * one, output, layer),
        )
        return (added * relevance / denominator).flatten(1).sum(1)

    return share


def merged(layer: nn.Module, norm: nn.Module | None) -> tuple[torch.Tensor, torch.Tensor]:
    """The weight and the bias of a layer, times and plus what a batch norm does after it."""
    weight = layer.weight.detach()
    bias = torch.zeros(len(weight)) if layer.bias is None else layer.bias.detach()
    if norm is None:
        return weight, bias
    scale, shift = affine(norm)
    return weight * scale.view(-1, 1, 1, 1), bias * scale + shift


def affine(norm: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    scale = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
    return scale, norm.bias.detach() - norm.running_mean * scale


def channels(
    vector: torch.Tensor, output: torch.Tensor, module: nn.Module | None = None
) -> torch.Tensor:
    """Lay a vector out along the channels of an output."""
    last = isinstance(module, nn.Linear) or is_window(module) or output.dim() == 3
    last = last or (isinstance(module, Norms) and "2d" not in type(module).__name__)
    if isinstance(module, GlobalResponseNorm):
        last = module.channel_dim == -1
    shape = [1] * output.dim()
    shape[-1 if last else 1] = len(vector)
    return vector.detach().view(shape)


def _end_of(modules: dict[str, nn.Module], ran: dict[str, Ran], norm: str) -> str:
    """The tap at which a batch norm's own output is: timm's runs an activation as well."""
    drop = f"{norm}.drop"
    return drop if drop in modules and drop in ran else norm


def _plain(site: str, ran: dict[str, Ran], added: torch.Tensor) -> Term:
    """A term that takes its value times the gradient at the output it is part of."""
    output = ran[site].output
    return Term(site, lambda relevance: (added * relevance / output).flatten(1).sum(1))


def is_window(module: nn.Module) -> bool:
    """Whether a module is Swin's attention, which takes windows for images."""
    return isinstance(module, (WindowAttention, ShiftedWindowAttention))


def _attention(modules: dict[str, nn.Module], ran: dict[str, Ran]) -> Iterator[Term]:
    """Attention whose own modules give nothing per image, or never run.

    Attention weights sum to 1, so the values' bias arrives in full at the output projection.
    """
    for name, module in modules.items():
        if isinstance(module, nn.MultiheadAttention):
            value_bias = module.in_proj_bias.chunk(3)[2]
            added = module.out_proj(value_bias)
            site = f"{name.removesuffix('self_attention')}dropout"
            yield _plain(site, ran, channels(added, ran[site].output))
        elif is_window(module):
            added = module.proj(module.qkv.bias.chunk(3)[2])
            site = (
                name
                if name in ran and isinstance(module, ShiftedWindowAttention)
                else (f"{name.removesuffix('attn')}drop_path1")
            )
            yield _plain(site, ran, channels(added, ran[site].output, module))


def _tokens(network: nn.Module, ran: dict[str, Ran]) -> Iterator[Term]:
    """Class and register tokens and position embeddings, added where tokens are put together."""
    parameters = {name.rsplit(".", 1)[-1]: value for name, value in network.named_parameters()}
    positions = parameters.get("pos_embed", parameters.get("pos_embedding"))
    if positions is None:
        return
    site = "pos_drop" if "pos_drop" in ran else "encoder.dropout"
    added = positions.detach().clone()
    names = [n for n in ("cls_token", "class_token", "dist_token", "reg_token") if n in parameters]
    for place, name in enumerate(names):
        added[:, place] += parameters[name].detach()[:, 0]
    yield _plain(site, ran, added)
