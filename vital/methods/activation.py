"""Activation maximisation over pixels, and what all methods that maximise a response share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from vital.engine.optimize import Objective
from vital.methods import objectives as objectives_module
from vital.methods import redirected_relu as redirected_module
from vital.methods.base import Method, PixelMethod, Setup
from vital.methods.objectives import l2_norm, total_variation
from vital.methods.redirected_relu import RedirectedRectifiers
from vital.networks.taps import responses as responses_module
from vital.networks.taps.responses import unit_responses
from vital.params.visualize import PixelParams, ScheduleParams
from vital.runtime.provenance import own_digest, source_digest
from vital.units import Target, Unit

RESPONSE_CODE = (responses_module, redirected_module)
"""What determines a response and its gradient, besides this module."""


class ResponseObjective:
    """Minus the mean response of each image's unit to the image's views.

    In the first ``redirected`` steps of an optimisation its gradient reaches units that a
    rectifier keeps silent; see :mod:`vital.methods.redirected_relu`.
    """

    def __init__(self, network: nn.Module, units: Sequence[Unit], redirected: int) -> None:
        self._network = network
        self._units = units
        self._redirected = redirected

    def __call__(
        self, views: torch.Tensor, step: int
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        early = step < self._redirected and torch.is_grad_enabled()
        with RedirectedRectifiers(self._network) if early else nullcontext():
            responses = unit_responses(self._network, self._units, views)
        return -responses.mean(dim=1), {}


class ResponseMethod(Method):
    """A method that maximises the response, and nothing else.

    In its first ``redirected`` steps silent units have a gradient, too.
    """

    def __init__(self, setup: Setup, schedule: ScheduleParams, redirected: int) -> None:
        super().__init__(setup, schedule)
        self._redirected = redirected

    @contextmanager
    def objectives(self, targets: Sequence[Target]) -> Iterator[Mapping[int, Objective]]:
        """Minus the response, averaged over an image's views."""
        units = [target.unit for target in targets]
        yield {1: ResponseObjective(self.setup.model.network, units, self._redirected)}


class ActivationMethod(PixelMethod):
    """Makes a unit respond as strongly as pixels can; what limits them is in the parameters.

    In its first ``redirected`` steps silent units have a gradient, too. The idea is that of Erhan
    et al., "Visualizing Higher-Layer Features of a Deep Network", 2009.
    """

    spread = 0.01

    def __init__(self, setup: Setup, params: PixelParams, redirected: int) -> None:
        super().__init__(setup, params, ("tv", "l2"))
        self._redirected = redirected

    def facts(self) -> dict[str, Any]:
        """The settings, and the code of the objective."""
        return {
            "method": "activation",
            "params": self.params.model_dump(mode="json"),
            "redirected": self._redirected,
            "code": [own_digest(__name__), source_digest(objectives_module, *RESPONSE_CODE)],
        }

    @contextmanager
    def objectives(self, targets: Sequence[Target]) -> Iterator[Mapping[int, Objective]]:
        """Minus the response, and the priors."""
        units = [target.unit for target in targets]
        respond = ResponseObjective(self.setup.model.network, units, self._redirected)

        def objective(
            views: torch.Tensor, step: int
        ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            total, _ = respond(views, step)
            parts = {"tv": total_variation(views), "l2": l2_norm(views)}
            return total + self.params.tv * parts["tv"] + self.params.l2 * parts["l2"], parts

        yield {1: objective}
