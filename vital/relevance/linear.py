"""Rules of modules with weights: zennit's rules, run on copies so that the network stays as it is.

A batch norm that follows directly is taken together with the layer before it ("merged"): the rule
then sees one layer with the product of their scales, while the network computes what it always did.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import nn
from zennit.core import BasicHook, ParamMod

from vital.relevance.numerics import is_zero
from vital.relevance.rules import Call, Rule


class Form(Enum):
    """What it is that flows back through the graph, and how relevance is had from it."""

    RELEVANCE = "relevance itself"
    GRADIENT_TIMES_INPUT = "a gradient whose product with the activation is the relevance"
    GRADIENT = "a gradient of which the positive part is the relevance"


@dataclass(frozen=True)
class _Part:
    """One of the passes that a zennit rule is made of: a copy of the layer with other weights.

    ``homogeneous`` where it has no bias, ``plain`` where the rule left the weights as they are.
    """

    layer: Any
    homogeneous: bool
    plain: bool


class LinearRule(Rule):
    """One of zennit's rules for a convolution or a linear layer.

    ``norm`` is the batch norm that takes this layer's output and nothing else, if there is one.
    The copies of the weights are made once, when relevance first comes by.
    """

    def __init__(self, rule: BasicHook, form: Form, norm: nn.Module | None = None) -> None:
        super().__init__()
        self._rule = rule
        self._form = form
        self._norm = norm
        self._parts: Sequence[_Part] = ()

    def copy(self) -> LinearRule:
        return LinearRule(self._rule, self._form, self._norm)

    def last_module(self, module: nn.Module) -> nn.Module:
        if self._norm is None:
            return module
        # timm's batch norm runs its activation itself; between the two stands its `drop`.
        drop: nn.Module | None = getattr(self._norm, "drop", None)
        return self._norm if drop is None else drop

    def share(self, module: nn.Module, call: Call, _index: int, _: torch.Tensor) -> torch.Tensor:
        self._parts = self._parts or self._make_parts(module)
        x = call.inputs[0]
        relevance = call.gradient
        if self._form is Form.GRADIENT_TIMES_INPUT:
            relevance = relevance * call.output
        inputs = [modify(x) for modify in self._rule.input_modifiers]
        gradients = self._gradients(call, inputs, relevance)
        # An idle pass adds nothing, whatever its input: its zero stands for both.
        factors = [
            gradient if gradient.dim() == 0 else self._factor(value)
            for value, gradient in zip(inputs, gradients, strict=True)
        ]
        shared: torch.Tensor = self._rule.reducer(factors, gradients)
        return shared.expand_as(x)

    def _factor(self, value: torch.Tensor) -> torch.Tensor:
        """What a pass's gradient is multiplied with to give what flows back."""
        if self._form is Form.GRADIENT_TIMES_INPUT:
            # A pass keeps an input or sets it to 0: divided by that input it is 1 or 0.
            return (value != 0).to(value.dtype)
        return value

    def _make_parts(self, module: Any) -> list[_Part]:
        layer = module if self._norm is None else _merged(module, self._norm)
        parts = []
        for modifier in self._rule.param_modifiers:
            part = _with_parameters(layer, layer.weight, layer.bias)
            with ParamMod.ensure(modifier)(part) as modified:
                part = _with_parameters(layer, modified.weight, modified.bias)
            homogeneous = part.bias is None or is_zero(part.bias)
            plain = torch.equal(part.weight, layer.weight) and (
                part.bias is None or torch.equal(part.bias, layer.bias)
            )
            parts.append(_Part(part, homogeneous, plain))
        return parts

    def _gradients(
        self, call: Call, inputs: Sequence[torch.Tensor], relevance: torch.Tensor
    ) -> list[torch.Tensor]:
        """What zennit's rule has as the gradient of each of its passes, without idle passes.

        What comes after a ReLU has no negative part, and a pass may be there for its output only:
        half of most rules' work is nothing.
        """
        zero = relevance.new_zeros(())
        runs = [
            None if part.homogeneous and is_zero(value) else _Run(part, value)
            for part, value in zip(self._parts, inputs, strict=True)
        ]
        outputs = [
            zero if run is None else run.output(call.output, known=value is call.inputs[0])
            for run, value in zip(runs, inputs, strict=True)
        ]
        mapped = self._rule.gradient_mapper(relevance, outputs)
        mapped = (mapped,) if isinstance(mapped, torch.Tensor) else mapped
        return [
            zero if run is None or is_zero(seed) else run.gradient(seed)
            for run, seed in zip(runs, mapped, strict=True)
        ]


class _Run:
    """One pass of a part, run when its output or its gradient is asked for and not known."""

    def __init__(self, part: _Part, value: torch.Tensor) -> None:
        self._part = part
        self._input = value
        self._output: torch.Tensor | None = None

    def output(self, computed: torch.Tensor, known: bool) -> torch.Tensor:
        """The part's output: what the network ``computed`` where weights and input are its own."""
        if known and self._part.plain:
            return computed
        return self._run().detach()

    def gradient(self, seed: torch.Tensor) -> torch.Tensor:
        output = self._run() if self._output is None else self._output
        (gradient,) = torch.autograd.grad(output, self._input, seed)
        return gradient

    def _run(self) -> torch.Tensor:
        with torch.enable_grad():
            self._input = self._input.detach().requires_grad_()
            output: torch.Tensor = self._part.layer.forward(self._input)
        self._output = output
        return output


def affine(norm: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """The scale and the shift, each (C,), that a batch norm in evaluation mode applies."""
    scale: torch.Tensor = (norm.running_var + norm.eps).rsqrt()
    if norm.weight is not None:
        scale = scale * norm.weight
    shift = -norm.running_mean * scale
    if norm.bias is not None:
        shift = shift + norm.bias
    return scale, shift


def _merged(layer: Any, norm: nn.Module) -> Any:
    scale, shift = affine(norm)
    weight = layer.weight * scale.view(-1, *[1] * (layer.weight.dim() - 1))
    bias = shift if layer.bias is None else layer.bias * scale + shift
    return _with_parameters(layer, weight, bias)


def _with_parameters(layer: Any, weight: torch.Tensor, bias: torch.Tensor | None) -> Any:
    """A shallow copy of a layer that has parameters of its own and runs no hooks of the layer's."""
    other = copy.copy(layer)
    other._parameters = {}
    for name, value in {"weight": weight, "bias": bias}.items():
        kept = None if value is None else nn.Parameter(value.detach(), requires_grad=False)
        other.register_parameter(name, kept)
    return other
