"""What a network does with one image: which rules apply where, and what has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.autograd.graph import Node
from torch.utils.hooks import RemovableHandle
from zennit.core import Composite as ZennitComposite
from zennit.types import BatchNorm, Convolution

from vital.errors import ModelError
from vital.relevance.canonizers import canonizers
from vital.relevance.composites import LINEAR, Composite
from vital.relevance.functions import FunctionModules, Softmax
from vital.relevance.operations import nodes_behind, operation


@dataclass
class Trace:
    """What was found out.

    ``first``: the first layer with weights to run. ``norms``: the batch norm that follows a
    convolution directly, by the convolution's name.
    """

    first: str | None = None
    norms: dict[str, nn.Module] = field(default_factory=dict)


def trace(network: nn.Module, composite: Composite, image: torch.Tensor) -> Trace:
    """Run the network on one image (1, 3, H, W).

    Raises ModelError that lists all modules without a rule, or when the network gives something
    else while its calls are watched.
    """
    watch = _Watch(network, composite)
    with ZennitComposite(canonizers=canonizers()).context(network), torch.enable_grad():
        watched = watch.run(image.detach().clone().requires_grad_())
        with torch.no_grad():
            plain = network(image)
    watch.raise_problems(watched)
    if not bool(plain.flatten(1).amax(dim=1).isfinite().all()):
        raise ModelError("the network gives values that are not finite (NaN or infinite)")
    largest = float(plain[plain.isfinite()].abs().max())
    if not torch.allclose(plain, watched, rtol=1e-3, atol=1e-3 * largest):
        raise ModelError(
            f"{type(network).__name__} gives other values while its sums and softmaxes are watched:"
            " it works in place on what it has computed"
        )
    return watch.found


class _Watch:
    """The hooks and the function mode of one traced pass."""

    def __init__(self, network: nn.Module, composite: Composite) -> None:
        self.found = Trace()
        self._network = network
        self._composite = composite
        self._running: list[tuple[str, nn.Module]] = []
        self._ruled = 0
        self._convolved: list[tuple[torch.Tensor, str]] = []
        self._without_rule: dict[Node, str] = {}

    def run(self, image: torch.Tensor) -> torch.Tensor:
        handles: list[RemovableHandle] = []
        try:
            for name, module in self._network.named_modules():
                handles.append(module.register_forward_pre_hook(self._enter(name)))
                handles.append(module.register_forward_hook(self._leave(name)))
            with _WatchedFunctions(self._composite, self._judge):
                output = self._network(image)
        finally:
            for handle in handles:
                handle.remove()
        if not isinstance(output, torch.Tensor):
            raise ModelError(f"the network gives {type(output).__name__}, not one tensor")
        return output

    def raise_problems(self, output: torch.Tensor) -> None:
        """Raise ModelError for the operations without a rule that the output depends on.

        Also where it depends on the image through gates only, as after a softmax at the end.
        """
        if not output.requires_grad:
            raise ModelError(
                f"under composite {self._composite.name!r} no relevance comes back from the "
                "network's output: does it end in a softmax, or cut off gradients "
                "(torch.no_grad, detach)? relevance starts from logits"
            )
        reached = nodes_behind(output, frozenset())
        problems = {self._without_rule[node] for node in reached if node in self._without_rule}
        if problems:
            listed = ", ".join(sorted(problems))
            raise ModelError(
                f"composite {self._composite.name!r} has no rule for: {listed}; no relevance was "
                "computed"
            )

    def _enter(self, name: str) -> Callable[..., None]:
        def enter(module: nn.Module, inputs: tuple[Any, ...]) -> None:
            self._running.append((name, module))
            self._ruled += self._has_rule(module)
            if isinstance(module, LINEAR) and self.found.first is None:
                self.found.first = name
            if isinstance(module, BatchNorm) and inputs:
                self._pair(inputs[0], module)

        return enter

    def _leave(self, name: str) -> Callable[..., None]:
        def leave(module: nn.Module, _inputs: Any, output: Any) -> None:
            self._running.pop()
            self._ruled -= self._has_rule(module)
            if isinstance(module, Convolution):
                self._convolved.append((output, name))

        return leave

    def _has_rule(self, module: nn.Module) -> bool:
        ruled = self._composite.rule_for(module) is not None
        return ruled or self._composite.linear_rule_for(module, first=False) is not None

    def _pair(self, value: torch.Tensor, norm: nn.Module) -> None:
        for output, name in self._convolved:
            if output is value:
                self.found.norms[name] = norm

    def _judge(self, function: Callable[..., Any], args: tuple[Any, ...], result: Any) -> None:
        """Note the operations of a call outside of modules with rules that have no rule either."""
        allowed = self._composite.operations
        if self._ruled or allowed is None:
            return
        before = frozenset(_graph_of(args))
        name, module = self._running[-1] if self._running else ("", self._network)
        where = f"{name or 'the network'} ({type(module).__name__})"
        for value in result if isinstance(result, (tuple, list)) else [result]:
            if not isinstance(value, torch.Tensor):
                continue
            for node in nodes_behind(value, before):
                if not allowed.allows(node):
                    called = getattr(function, "__name__", operation(node))
                    self._without_rule[node] = f"{where}: {called}"


class _WatchedFunctions(FunctionModules):
    """Has every call judged; what only gates something is cut off, as its rule would do."""

    def __init__(
        self,
        composite: Composite,
        judge: Callable[[Callable[..., Any], tuple[Any, ...], Any], None],
    ) -> None:
        gates: Mapping[type[nn.Module], nn.Module] = {Softmax: _Constant(Softmax())}
        super().__init__({kind: gates.get(kind, kind()) for kind in composite.functions})
        self._judge = judge

    def _watch(self, function: Callable[..., Any], args: tuple[Any, ...], result: Any) -> None:
        self._judge(function, args, result)


class _Constant(nn.Module):
    """A module whose output does not depend on its input."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._module = module

    def forward(self, *inputs: Any) -> torch.Tensor:
        output: torch.Tensor = self._module(*inputs)
        return output.detach()


def _graph_of(values: Any) -> list[Node]:
    """The nodes that the tensors among (nested) arguments come from."""
    if isinstance(values, torch.Tensor):
        return [] if values.grad_fn is None else [values.grad_fn]
    if isinstance(values, (tuple, list)):
        return [node for value in values for node in _graph_of(value)]
    return []
