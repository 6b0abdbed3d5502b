"""Read activations and relevance at named taps: one forward pass, one backward pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType

import torch
from torch import nn
from zennit.core import Composite as ZennitComposite
from zennit.core import Hook

from vital.errors import ModelError, ParamsError
from vital.networks.taps.channel_axis import positions_last
from vital.networks.taps.gradients import check_gradients, without_gradient
from vital.networks.taps.reader import INPUT_TAP, find_module, opponent_colours
from vital.relevance.canonizers import canonizers
from vital.relevance.capture import outputs_until
from vital.relevance.composites import Composite
from vital.relevance.functions import FunctionModules
from vital.relevance.linear import Form, LinearRule
from vital.relevance.starts import Start
from vital.relevance.tracing import Trace, trace
from vital.units import CLASS_TAP


@dataclass(frozen=True)
class Reading:
    """What was read of a batch, per tap, as (B, C, D) in the order of the taps' names.

    ``activations`` carry the graph to the images where these ask for gradients, and gradients
    through it are the network's plain ones. ``relevance`` is constant. ``starts`` (B,) is each
    image's relevance at its start: the sum that the rules share out.
    """

    activations: dict[str, torch.Tensor]
    relevance: dict[str, torch.Tensor]
    starts: torch.Tensor


class RelevanceReader:
    """Reads relevance at taps under a composite; a context manager that leaves no trace.

    Hooks, copies of weights and the check for modules without a rule are made once, at the first
    batch; nothing is made anew per batch. The network is not modified but for flags that are put
    back on leaving: no module works in place, no parameter asks for a gradient.

    At the tap ``input`` relevance is that of the normalised pixels (B, 3, H * W) while activations
    are their opponent colours, as everywhere in this project.

    Raises ModelError for a tap that the network does not have, or that lies inside a module whose
    rule bypasses its parts, and when the network is in training mode.
    """

    def __init__(self, network: nn.Module, taps: Iterable[str], composite: Composite) -> None:
        if network.training:
            raise ModelError("relevance needs a network in evaluation mode: call its eval()")
        self._network = network
        self._composite = composite
        self._taps = list(taps)
        for tap in self._taps:
            self._check_tap(tap)
        kinds = composite.functions
        self._functions = nn.ModuleDict({kind.__name__: kind() for kind in kinds})
        self._mode = FunctionModules({kind: self._functions[kind.__name__] for kind in kinds})
        self._trace: Trace | None = None
        self._opened: ExitStack | None = None
        self._rules: ZennitComposite | None = None

    def __enter__(self) -> RelevanceReader:
        self._opened = ExitStack()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        if self._opened is not None:
            self._opened.close()
        self._opened, self._rules = None, None

    def __call__(
        self, images: torch.Tensor, starts: Sequence[Start], *, silent: bool = False
    ) -> Reading:
        """Read a batch of images (B, 3, H, W), each with a start of its own.

        Where a unit does not respond to an image at all there is no relevance to share out. With
        ``silent`` it then starts at 1 wherever it could: what would feed the unit is relevant.
        Rules that are modified gradients share nothing out behind a ReLU that is shut, even so.

        Raises ParamsError for a number of starts that is not the number of images, and ModelError
        for modules without a rule, for a tap that is not upstream of a start, and for a start that
        the network does not have.
        """
        if len(starts) != len(images):
            raise ParamsError(f"there are {len(starts)} starts for {len(images)} images")
        if self._opened is None:
            raise RuntimeError("open the reader with `with` before reading")
        start_taps = list(dict.fromkeys(start.tap for start in starts))
        for tap in start_taps:
            self._check_tap(tap, start=True)
        if self._rules is None:
            self._rules = self._register(images[:1], start_taps, self._opened)
        wanted = images.requires_grad
        inputs = images if wanted else images.detach().requires_grad_()
        with torch.enable_grad(), self._mode:
            captured = outputs_until(self._network, inputs, {*self._taps, *start_taps}, start_taps)
        self._check_captured(captured, start_taps)
        with torch.enable_grad():
            seen = {tap: self._positions_last(tap, captured[tap], images) for tap in start_taps}
        seeds, totals = self._seeds(seen, starts, silent)
        gradients = self._backward(seen, seeds, [captured[tap] for tap in self._taps], wanted)
        return self._reading(captured, gradients, totals, wanted)

    def _traced(self, image: torch.Tensor, start_taps: Sequence[str]) -> Trace:
        """Raises ModelError that names a tap where the fault is that no gradient leads to it."""
        try:
            return trace(self._network, self._composite, image)
        except ModelError:
            check_gradients(self._network, [*self._taps, *start_taps], image)
            raise

    def _register(
        self, image: torch.Tensor, start_taps: Sequence[str], opened: ExitStack
    ) -> ZennitComposite:
        """Hook a rule to every module of the network and every function's module that has one."""
        if self._trace is None:
            self._trace = self._traced(image, start_taps)
        rules = {**self._module_rules(self._trace), **self._function_rules()}
        registered = ZennitComposite(
            module_map=lambda _context, name, _module: rules.get(name), canonizers=canonizers()
        )
        opened.callback(registered.remove)
        registered.register(nn.ModuleDict({"network": self._network, "functions": self._functions}))
        return registered

    def _module_rules(self, found: Trace) -> dict[str, Hook]:
        rules: dict[str, Hook] = {}
        for name, module in self._network.named_modules():
            if self._bypassing(name) is not None:
                continue
            linear = self._composite.linear_rule_for(module, first=name == found.first)
            norm = found.norms.get(name) if self._composite.merge_batch_norm else None
            if linear is not None:
                rules[f"network.{name}"] = LinearRule(linear, self._composite.form, norm)
                continue
            rule = self._composite.rule_for(module)
            if rule is not None:
                rules[f"network.{name}"] = rule
        return rules

    def _function_rules(self) -> dict[str, Hook]:
        functions = self._composite.functions
        return {f"functions.{kind.__name__}": rule for kind, rule in functions.items()}

    def _bypassing(self, name: str) -> str | None:
        """The name of the module around this one whose rule leaves out its parts, if any."""
        parts = name.split(".")
        for length in range(1, len(parts)):
            outer = ".".join(parts[:length])
            if self._composite.rule_for(self._network.get_submodule(outer)) is not None:
                return outer
        return None

    def _check_captured(self, captured: dict[str, torch.Tensor], start_taps: Sequence[str]) -> None:
        """Raise ModelError for a tap after a start, or one that no gradient leads back from."""
        order = {tap: place for place, tap in enumerate(captured)}
        for start in start_taps:
            for tap in self._taps:
                if order.get(tap, len(order)) > order[start]:
                    raise ModelError(f"tap {tap!r} is not upstream of the start {start!r}")
        for tap in (*start_taps, *self._taps):
            if not captured[tap].requires_grad:
                raise without_gradient(f"tap {tap!r}")

    def _seeds(
        self, seen: dict[str, torch.Tensor], starts: Sequence[Start], silent: bool
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """What to send back from each start's tap, and the relevance that this stands for."""
        values = {tap: value.detach() for tap, value in seen.items()}
        weights = {tap: torch.zeros_like(value) for tap, value in values.items()}
        for image, start in enumerate(starts):
            weights[start.tap][image] = start.weights(values[start.tap][image])
        relevance = {tap: weights[tap] * value for tap, value in values.items()}
        if silent:
            relevance = {tap: _never_none(one, weights[tap]) for tap, one in relevance.items()}
        totals = torch.stack([one.sum(dim=(1, 2)) for one in relevance.values()]).sum(dim=0)
        return (relevance if self._composite.form is Form.RELEVANCE else weights), totals

    def _backward(
        self,
        seen: dict[str, torch.Tensor],
        seeds: dict[str, torch.Tensor],
        outputs: Sequence[torch.Tensor],
        keep: bool,
    ) -> Sequence[torch.Tensor]:
        with self._active():
            gradients = torch.autograd.grad(
                [seen[tap] for tap in seen],
                outputs,
                [seeds[tap] for tap in seen],
                retain_graph=keep,
                allow_unused=True,
            )
        for tap, gradient in zip(self._taps, gradients, strict=True):
            if gradient is None:
                listed = ", ".join(repr(start) for start in seen)
                raise ModelError(
                    f"tap {tap!r} is not upstream of the start {listed}, or the network's forward "
                    "pass cuts off the gradient between them (torch.no_grad, detach)"
                )
        return gradients

    @contextmanager
    def _active(self) -> Iterator[None]:
        """Rules replace gradients in here only, so that any other gradient is a plain one."""
        hooks = [] if self._rules is None else list(self._rules.hook_refs)
        try:
            for hook in hooks:
                hook.active = True
            yield
        finally:
            for hook in hooks:
                hook.active = False

    def _reading(
        self,
        captured: dict[str, torch.Tensor],
        gradients: Sequence[torch.Tensor],
        totals: torch.Tensor,
        wanted: bool,
    ) -> Reading:
        activations, relevance = {}, {}
        for tap, gradient in zip(self._taps, gradients, strict=True):
            output = captured[tap]
            shared = _relevance(self._composite.form, output.detach(), gradient)
            images = captured[INPUT_TAP]
            relevance[tap] = self._positions_last(tap, shared, images)
            shown = opponent_colours(output) if tap == INPUT_TAP else output
            values = self._positions_last(tap, shown, images)
            activations[tap] = values if wanted else values.detach()
        return Reading(activations, relevance, totals)

    def _positions_last(self, tap: str, value: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """A tap's values as (B, C, D), a view of them."""
        if tap == INPUT_TAP:
            return value.flatten(2)
        whole = tap == CLASS_TAP
        module = self._network if whole else self._network.get_submodule(tap)
        return positions_last(self._network, module, value, images, tap)

    def _check_tap(self, tap: str, start: bool = False) -> None:
        if tap == (CLASS_TAP if start else INPUT_TAP):
            return
        if tap == INPUT_TAP:
            raise ModelError("relevance cannot start at the input: nothing is upstream of it")
        find_module(self._network, tap)
        outer = self._bypassing(tap)
        if outer is not None:
            kind = type(self._network.get_submodule(outer)).__name__
            raise ModelError(
                f"tap {tap!r} lies inside {outer!r} ({kind}), which relevance passes as a whole: "
                f"read {outer!r}"
            )


def _never_none(relevance: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Relevance (B, C, D), but the weights of images that have none."""
    none = (relevance == 0).flatten(1).all(dim=1)[:, None, None]
    return torch.where(none, weights, relevance)


def _relevance(form: Form, output: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    if form is Form.GRADIENT_TIMES_INPUT:
        return output * gradient
    return gradient.clamp(min=0.0) if form is Form.GRADIENT else gradient
