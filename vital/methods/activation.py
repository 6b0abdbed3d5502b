"""Activation maximisation over pixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch

from vital.methods.base import JitteredMethod, MethodInputs, Setup
from vital.methods.image_spaces import PixelSpace
from vital.methods.objectives import Objective, l2_norm, total_variation
from vital.methods.record import MethodRecord
from vital.methods.response import ResponseObjective
from vital.params.peers import ActivationParams
from vital.params.visualize import PixelParams
from vital.units import Target


class ActivationMethod(JitteredMethod):
    """Makes a unit respond as strongly as pixels can; what limits them is in the parameters.

    In its first ``redirected`` steps silent units have a gradient, too. The idea is that of Erhan
    et al., "Visualizing Higher-Layer Features of a Deep Network", 2009.
    """

    def __init__(self, setup: Setup, params: PixelParams, redirected: int) -> None:
        pixels = PixelSpace(setup.model.preprocessing, params.clamp, spread=0.01)
        super().__init__(setup, params, pixels, ("tv", "l2"))
        self._redirected = redirected

    @classmethod
    def of_run(cls, run: MethodInputs) -> Self:
        """As the block ``peers`` asks for."""
        schedule = run.peers.activation.schedule(run.peer_steps("activation"))
        return cls(run.setup, schedule, run.peers.redirected)

    def facts(self) -> dict[str, Any]:
        """The settings."""
        return {
            "method": "activation",
            "params": self.params.model_dump(mode="json"),
            "redirected": self._redirected,
        }

    @contextmanager
    def objectives(self, targets: Sequence[Target]) -> Iterator[Mapping[int, Objective]]:
        """Minus the response, and the priors."""
        units = [target.unit for target in targets]
        respond = ResponseObjective(self.setup.model.network, units, self._redirected)

        def objective(
            shown: torch.Tensor, step: int
        ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
            total, _ = respond(shown, step)
            parts = {"tv": total_variation(shown), "l2": l2_norm(shown)}
            return total + self.params.tv * parts["tv"] + self.params.l2 * parts["l2"], parts

        yield {1: objective}


METHOD = MethodRecord(
    "activation", ActivationParams, ActivationMethod.of_run, ActivationMethod.of_run
)
