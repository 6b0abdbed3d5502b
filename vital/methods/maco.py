"""MACO: activation maximisation over phases, with the spectrum of real images (Fel et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from vital.images import statistics as image_statistics
from vital.images.statistics import ImageStatistics
from vital.methods import activation
from vital.methods.activation import RESPONSE_CODE, ResponseMethod
from vital.methods.base import Setup
from vital.methods.parametrizations import Phases, phase_start
from vital.methods.transforms import Crops
from vital.params.peers import MacoParams
from vital.runtime.files import digest
from vital.runtime.provenance import own_digest, source_digest
from vital.units import Target


class MacoMethod(ResponseMethod):
    """Changes phases only; the magnitudes are the means of the run's own ``images``."""

    def __init__(
        self,
        setup: Setup,
        params: MacoParams,
        steps: int,
        images: ImageStatistics,
        redirected: int,
    ) -> None:
        super().__init__(setup, params.schedule(steps), redirected)
        self._params = params
        self._magnitude = images.magnitude

    def facts(self) -> dict[str, Any]:
        """The settings without the budget, the magnitudes, and the code."""
        return {
            "method": "maco",
            "params": self._params.model_dump(mode="json", exclude={"steps"}),
            "magnitude": digest(self._magnitude.numpy().tobytes().hex()),
            "redirected": self._redirected,
            "code": [
                own_digest(__name__),
                source_digest(activation, image_statistics, *RESPONSE_CODE),
            ],
        }

    def start(self, target: Target) -> torch.Tensor:
        """Random phases."""
        return phase_start(self.setup.model.preprocessing.size, self._draws(target, "phases"))

    def parametrize(self, latents: torch.Tensor) -> Phases:
        """Images by their phases."""
        return Phases(latents, self._magnitude, self.setup.model.preprocessing)

    def views(self, targets: Sequence[Target]) -> Crops:
        """Random crops of each image, with noise."""
        keys = [target.id for target in targets]
        params = self._params
        return Crops(self.setup.seed, keys, params.crops, params.box, params.noise)
