"""Activation maximisation over pixels, and what all methods that maximise a response share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from vital import objectives as objectives_module
from vital import responses as responses_module
from vital.methods.base import Method, PixelMethod, Setup
from vital.objectives import l2_norm, total_variation
from vital.optimize import Objective
from vital.params.visualize import PixelParams
from vital.provenance import own_digest, source_digest
from vital.responses import unit_responses
from vital.units import Target, Unit


class ResponseObjective:
    """Minus the mean response of each image's unit to the image's views."""

    def __init__(self, network: nn.Module, units: Sequence[Unit]) -> None:
        self._network = network
        self._units = units

    def __call__(
        self,
        views: torch.Tensor,
        step: int,  # noqa: ARG002 (the same at every step)
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        return -unit_responses(self._network, self._units, views).mean(dim=1), {}


class ResponseMethod(Method):
    """A method that maximises the response, and nothing else."""

    @contextmanager
    def objectives(self, targets: Sequence[Target]) -> Iterator[Mapping[int, Objective]]:
        """Minus the response, averaged over an image's views."""
        units = [target.unit for target in targets]
        yield {1: ResponseObjective(self.setup.model.network, units)}


class ActivationMethod(PixelMethod):
    """Makes a unit respond as strongly as pixels can; what limits them is in the parameters.

    The idea is that of Erhan et al., "Visualizing Higher-Layer Features of a Deep Network", 2009.
    """

    spread = 0.01

    def __init__(self, setup: Setup, params: PixelParams) -> None:
        super().__init__(setup, params, ("tv", "l2"))

    def facts(self) -> dict[str, Any]:
        """The settings, and the code of the objective."""
        return {
            "method": "activation",
            "params": self.params.model_dump(mode="json"),
            "code": [own_digest(__name__), source_digest(objectives_module, responses_module)],
        }

    @contextmanager
    def objectives(self, targets: Sequence[Target]) -> Iterator[Mapping[int, Objective]]:
        """Minus the response, and the priors."""
        units = [target.unit for target in targets]
        respond = ResponseObjective(self.setup.model.network, units)

        def objective(
            views: torch.Tensor, step: int
        ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            total, _ = respond(views, step)
            parts = {"tv": total_variation(views), "l2": l2_norm(views)}
            return total + self.params.tv * parts["tv"] + self.params.l2 * parts["l2"], parts

        yield {1: objective}
