"""Functions that networks call outside of modules, given modules so that rules can be hooked on.

Sums of branches, softmax and the like are calls inside a block's own ``forward``. Rather than
writing each block of timm and torchvision anew (they change from release to release), the network
runs as it is under a torch function mode that sends such calls through the modules here. So it is
never modified, and blocks that nobody foresaw work too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from vital.relevance.attention import Attention, AttentionInHeads, attend, attend_in_heads


class Sum(nn.Module):
    """The sum of two branches of the network."""

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return first + second


class Scale(nn.Module):
    """The product of an activation and something that does not depend on the image."""

    def forward(self, value: torch.Tensor, factor: torch.Tensor | float) -> torch.Tensor:
        return value * factor


class Softmax(nn.Module):
    """Attention weights from scores."""

    def forward(self, scores: torch.Tensor, dim: int) -> torch.Tensor:
        return scores.softmax(dim)


class Pool(nn.Module):
    """Average pooling to a size."""

    def forward(self, value: torch.Tensor, size: Any) -> torch.Tensor:
        return functional.adaptive_avg_pool2d(value, size)


class Relu(nn.Module):
    """The positive part."""

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return value.relu()


class FunctionModules(TorchFunctionMode):
    """While entered, calls of the known functions run through ``modules`` of their kind.

    What works in place no longer does: a rule may hold on to what would be overwritten.
    """

    def __init__(self, modules: Mapping[type[nn.Module], nn.Module]) -> None:
        super().__init__()
        self._modules = modules

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        replacement = self._replacement(function, args)
        result = (replacement or function)(*args, **out_of_place(kwargs))
        if replacement is None or replacement is torch.add:
            self._watch(function, (*args, *(kwargs or {}).values()), result)
        return result

    def _watch(self, function: Callable[..., Any], args: tuple[Any, ...], result: Any) -> None:
        """Hear of a call that ran through no module."""

    def _replacement(
        self, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> Callable[..., Any] | None:
        """What to call in place of ``function``, or None where there is nothing to replace."""
        kind = _KINDS.get(function)
        if kind is Sum:
            return self._sum(function, args)
        if kind is None or kind not in self._modules:
            return None
        if kind is Scale and _depending(args) > 1:
            return None
        return _CALLS[kind](self._modules[kind], function)

    def _sum(
        self, function: Callable[..., Any], args: tuple[Any, ...]
    ) -> Callable[..., Any] | None:
        alike = len({value.shape for value in args if isinstance(value, torch.Tensor)}) == 1
        if Sum in self._modules and _depending(args) == 2 and alike:
            return self._modules[Sum]
        return torch.add if function in _IN_PLACE and _depending(args) else None


def out_of_place(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """A call's keyword arguments without the wish to overwrite an argument."""
    return {name: False if name == "inplace" else kept for name, kept in (options or {}).items()}


def _depending(args: tuple[Any, ...]) -> int:
    """How many of a function's operands depend on the image."""
    return sum(isinstance(value, torch.Tensor) and value.requires_grad for value in args[:2])


def _scale(module: nn.Module, _function: Callable[..., Any]) -> Callable[..., Any]:
    def scale(first: Any, second: Any) -> Any:
        depends = isinstance(first, torch.Tensor) and first.requires_grad
        return module(first, second) if depends else module(second, first)

    return scale


def _softmax(module: nn.Module, function: Callable[..., Any]) -> Callable[..., Any]:
    if function is functional.scaled_dot_product_attention:
        return lambda *args, **kwargs: attend(module, Attention(*args, **kwargs))
    if function is functional.multi_head_attention_forward:
        return lambda *args, **kwargs: attend_in_heads(module, AttentionInHeads(*args, **kwargs))

    def softmax(scores: torch.Tensor, dim: int, *_: Any, **__: Any) -> Any:
        return module(scores, dim)

    return softmax


def _pool(module: nn.Module, _function: Callable[..., Any]) -> Callable[..., Any]:
    return module


def _relu(module: nn.Module, _function: Callable[..., Any]) -> Callable[..., Any]:
    def relu(value: torch.Tensor, inplace: bool = False) -> Any:
        del inplace
        return module(value)

    return relu


_KINDS: Mapping[Callable[..., Any], type[nn.Module]] = {
    torch.add: Sum,
    torch.Tensor.add: Sum,
    torch.Tensor.add_: Sum,
    torch.Tensor.__add__: Sum,
    torch.Tensor.__iadd__: Sum,
    torch.mul: Scale,
    torch.Tensor.mul: Scale,
    torch.Tensor.__mul__: Scale,
    torch.Tensor.__rmul__: Scale,
    torch.softmax: Softmax,
    torch.Tensor.softmax: Softmax,
    functional.softmax: Softmax,
    functional.scaled_dot_product_attention: Softmax,
    functional.multi_head_attention_forward: Softmax,
    functional.adaptive_avg_pool2d: Pool,
    torch.relu: Relu,
    torch.Tensor.relu: Relu,
    functional.relu: Relu,
}

_IN_PLACE = (torch.Tensor.add_, torch.Tensor.__iadd__)

_CALLS: Mapping[type[nn.Module], Callable[[nn.Module, Callable[..., Any]], Callable[..., Any]]] = {
    Scale: _scale,
    Softmax: _softmax,
    Pool: _pool,
    Relu: _relu,
}
