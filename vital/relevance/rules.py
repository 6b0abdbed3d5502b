"""Rules of modules without weights: what becomes of the gradient on its way back through them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from zennit.core import Hook, RemovableHandle, RemovableHandleList

from vital.relevance.numerics import away_from_zero


@dataclass
class Call:
    """One run of a module: its inputs, its output, and the gradient that came back to it.

    All are detached, so that a call that the graph holds on to does not hold the graph in turn.
    """

    inputs: tuple[torch.Tensor, ...]
    output: torch.Tensor
    gradient: torch.Tensor


class Rule(Hook):  # type: ignore[misc]
    """A zennit hook that replaces the gradient at a module's inputs while it is active.

    Unlike zennit's own, it keeps the tensors of each call apart, so that a module may run several
    times in a pass (torchvision's blocks share one ReLU) and a graph may be gone through again.
    """

    def __init__(self) -> None:
        super().__init__()
        self.active = False
        self._call: Call | None = None

    def register(self, module: nn.Module) -> RemovableHandleList:
        """Hook this rule to a module; the handles take it away again."""
        return RemovableHandleList(
            [
                RemovableHandle(self),
                module.register_forward_pre_hook(self.pre_forward),
                self.last_module(module).register_forward_hook(self.post_forward),
            ]
        )

    def last_module(self, module: nn.Module) -> nn.Module:
        """The module whose output this rule's gradient arrives at."""
        return module

    def pre_forward(self, module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        """Give the module views of its inputs whose gradient this rule replaces."""
        nothing = torch.empty(0)
        call = Call(tuple(_detached(value) for value in inputs), nothing, nothing)
        self._call = call
        return tuple(
            self._watched(module, call, index, value) for index, value in enumerate(inputs)
        )

    def post_forward(self, _module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        """Note the output and, when it comes, its gradient."""
        call, self._call = self._call, None
        if call is None or not output.requires_grad:
            return
        call.output = output.detach()

        def note(gradient: torch.Tensor) -> None:
            call.gradient = gradient

        output.register_hook(note)  # type: ignore[no-untyped-call]

    def remove(self) -> None:
        """Forget a call that was cut short, and do nothing in graphs that are still about."""
        self.active = False
        self._call = None

    def copy(self) -> Rule:
        """A rule of the same kind for another module."""
        return type(self)()

    @abstractmethod
    def share(self, module: Any, call: Call, index: int, gradient: torch.Tensor) -> torch.Tensor:
        """What the input of this index gets in place of its plain ``gradient``."""

    def _watched(self, module: Any, call: Call, index: int, value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or not value.requires_grad:
            return value
        view = value.view_as(value)

        def replace(gradient: torch.Tensor) -> torch.Tensor | None:
            return self.share(module, call, index, gradient) if self.active else None

        view.register_hook(replace)  # type: ignore[no-untyped-call]
        return view


class Pass(Rule):
    """Relevance goes through unchanged."""

    def share(self, _module: Any, call: Call, _index: int, _: torch.Tensor) -> torch.Tensor:
        return call.gradient


class Stop(Rule):
    """Nothing goes through: the output is taken as a constant that gates something else."""

    def share(
        self, _module: nn.Module, _call: Call, _index: int, gradient: torch.Tensor
    ) -> torch.Tensor:
        return torch.zeros_like(gradient)


class Ratio(Rule):
    """Take f(x) as x times the constant f(x) / x, element by element.

    For non-linearities, and for modules that multiply their input by a gate computed from it.
    """

    def share(self, _module: Any, call: Call, _index: int, gradient: torch.Tensor) -> torch.Tensor:
        x = call.inputs[0]
        # At zero the quotient is undefined; for a non-linearity its limit is the derivative.
        return torch.where(x == 0, gradient, call.gradient * call.output / x)


class ResponseNorm(Rule):
    """Global response normalisation (ConvNeXt v2): the norms that scale the input are constants."""

    def share(self, module: Any, call: Call, _index: int, gradient: torch.Tensor) -> torch.Tensor:
        x = call.inputs[0]
        scaled = call.output - module.bias.view(module.wb_shape)
        return torch.where(x == 0, gradient, call.gradient * scaled / x)


class LayerNorm(Rule):
    """Layer normalisation with its standard deviation taken as a constant: an affine map.

    ``axis`` is where the channels are: the last axis, or 1 for the variants that keep images in
    (B, C, H, W).
    """

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self._axis = axis

    def copy(self) -> LayerNorm:
        return LayerNorm(self._axis)

    def share(self, module: Any, call: Call, _index: int, _: torch.Tensor) -> torch.Tensor:
        x = call.inputs[0].movedim(self._axis, -1)
        gradient = call.gradient.movedim(self._axis, -1)
        axes = tuple(range(-len(module.normalized_shape), 0))
        variance = x.var(axes, correction=0, keepdim=True)
        scaled = gradient * (variance + module.eps).rsqrt()
        if module.weight is not None:
            scaled = scaled * module.weight
        centred: torch.Tensor = scaled - scaled.mean(axes, keepdim=True)
        return centred.movedim(-1, self._axis)


class SplitByMagnitude(Rule):
    """A sum of two branches: each gets its share of |first| + |second|, half where both are 0."""

    def share(self, _module: Any, call: Call, index: int, _gradient: torch.Tensor) -> torch.Tensor:
        sizes = [value.abs() for value in call.inputs]
        total = sizes[0] + sizes[1]
        part = torch.where(total == 0, 0.5, sizes[index] / total)
        return call.gradient * part


class InProportion(Rule):
    """Average pooling: each input gets its share of the sum that it went into."""

    def __init__(self, stabilizer: float) -> None:
        super().__init__()
        self._stabilizer = stabilizer

    def copy(self) -> InProportion:
        return type(self)(self._stabilizer)

    def share(self, module: Any, call: Call, _index: int, _: torch.Tensor) -> torch.Tensor:
        with torch.enable_grad():
            x = call.inputs[0].clone().requires_grad_()
            pooled = self.pool(module, (x, *call.inputs[1:]), call.output)
        quotient = call.gradient / away_from_zero(pooled.detach(), self._stabilizer)
        (gradient,) = torch.autograd.grad(pooled, x, quotient)
        return x.detach() * gradient

    def pool(self, module: Any, inputs: tuple[Any, ...], _output: torch.Tensor) -> torch.Tensor:
        """The linear map of which the inputs' shares are taken."""
        pooled: torch.Tensor = module.forward(*inputs)
        return pooled


class MaxAsAverage(InProportion):
    """Max pooling treated as average pooling over 2x2 (paper section 4).

    Where that gives another size than the max pooling itself, over the max pooling's own windows.
    """

    def pool(self, module: Any, inputs: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        (x,) = inputs
        for ceil in (False, True):
            pooled = functional.avg_pool2d(x, 2, ceil_mode=ceil)
            if pooled.shape == output.shape:
                return pooled
        return functional.avg_pool2d(
            x, module.kernel_size, module.stride, module.padding, module.ceil_mode
        )


class PositiveOnly(Rule):
    """Guided backpropagation: of the gradient at a non-linearity only what is positive goes on."""

    def share(self, _module: Any, call: Call, _index: int, gradient: torch.Tensor) -> torch.Tensor:
        return torch.where(call.gradient > 0, gradient, 0.0)


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, torch.Tensor) else value
