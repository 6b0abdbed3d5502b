"""Maximising a unit's response: the objective, and what MACO and Fourier share besides."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Generic, Self, TypeVar

import torch
from torch import nn

from vital.images.preprocessing import Preprocessing
from vital.images.statistics import ImageStatistics
from vital.methods.base import Method, MethodInputs, Setup
from vital.methods.image_spaces import ImageSpace
from vital.methods.objectives import Objective
from vital.methods.redirected_relu import RedirectedReluGradients
from vital.networks.taps.responses import unit_responses
from vital.params.peers import SteadyParams
from vital.units import Target, Unit

Params = TypeVar("Params", bound=SteadyParams)


class ResponseObjective:
    """Minus the mean response of each image's unit to what is shown of the image.

    In the first ``redirected`` steps of an optimisation its gradient reaches units that a
    rectifier keeps silent; see :mod:`vital.methods.redirected_relu`.
    """

    def __init__(self, network: nn.Module, units: Sequence[Unit], redirected: int) -> None:
        self._network = network
        self._units = units
        self._redirected = redirected

    def __call__(
        self, shown: torch.Tensor, step: int
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        early = step < self._redirected and torch.is_grad_enabled()
        with RedirectedReluGradients(self._network) if early else nullcontext():
            found = unit_responses(self._network, self._units, shown)
        return -found.mean(dim=1), {}


class WaveMethod(Method, Generic[Params]):
    """Maximises the response, and nothing else, of images that are described by their waves.

    ``images`` is what all of the run's own have in common. In its first ``redirected`` steps
    silent units have a gradient, too.
    """

    name: str

    def __init__(
        self, setup: Setup, params: Params, steps: int, images: ImageStatistics, redirected: int
    ) -> None:
        space = self.waves(setup.model.preprocessing, images)
        super().__init__(setup, params.schedule(steps), space)
        self._params = params
        self._redirected = redirected

    @classmethod
    def with_params(cls, run: MethodInputs, params: Params) -> Self:
        """The method in a run, with its own block of ``peers``."""
        steps, images = run.peer_steps(cls.name), run.image_statistics()
        return cls(run.setup, params, steps, images, run.peers.redirected)

    @staticmethod
    @abstractmethod
    def waves(preprocessing: Preprocessing, images: ImageStatistics) -> ImageSpace:
        """The numbers that describe the waves, by what the method takes from the run's images."""

    def facts(self) -> dict[str, Any]:
        """The settings without the budget."""
        return {
            "method": self.name,
            "params": self._params.model_dump(mode="json", exclude={"steps"}),
            "redirected": self._redirected,
        }

    @contextmanager
    def objectives(self, targets: Sequence[Target]) -> Iterator[Mapping[int, Objective]]:
        """Minus the response, averaged over what is shown of an image."""
        units = [target.unit for target in targets]
        yield {1: ResponseObjective(self.setup.model.network, units, self._redirected)}
