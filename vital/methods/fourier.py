"""Activation maximisation over decorrelated Fourier coefficients (Olah et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from vital.images import statistics as image_statistics
from vital.images.statistics import ImageStatistics, mixing_matrix
from vital.methods import activation
from vital.methods.activation import RESPONSE_CODE, ResponseMethod
from vital.methods.base import Setup
from vital.methods.parametrizations import Spectrum, spectrum_start
from vital.methods.transforms import Transforms
from vital.params.peers import FourierParams
from vital.runtime.provenance import own_digest, source_digest
from vital.units import Target


class FourierMethod(ResponseMethod):
    """Lucid's method, with the colours of the run's own ``images`` in place of ImageNet's."""

    def __init__(
        self,
        setup: Setup,
        params: FourierParams,
        steps: int,
        images: ImageStatistics,
        redirected: int,
    ) -> None:
        super().__init__(setup, params.schedule(steps), redirected)
        self._params = params
        self._colours = mixing_matrix(images.covariance)

    def facts(self) -> dict[str, Any]:
        """The settings without the budget, the colours, and the code."""
        return {
            "method": "fourier",
            "params": self._params.model_dump(mode="json", exclude={"steps"}),
            "colours": self._colours.tolist(),
            "redirected": self._redirected,
            "code": [
                own_digest(__name__),
                source_digest(activation, image_statistics, *RESPONSE_CODE),
            ],
        }

    def start(self, target: Target) -> torch.Tensor:
        """A little of every wave."""
        return spectrum_start(self.setup.model.preprocessing.size, self._draws(target, "spectrum"))

    def parametrize(self, latents: torch.Tensor) -> Spectrum:
        """Images by their decorrelated Fourier coefficients."""
        return Spectrum(latents, self._colours, self.setup.model.preprocessing)

    def views(self, targets: Sequence[Target]) -> Transforms:
        """Each image padded, shifted, scaled and turned."""
        return Transforms(
            self.setup.seed,
            [target.id for target in targets],
            self._params.pad,
            self._params.shifts,
            self._params.scale,
            self._params.degrees,
            self.setup.model.preprocessing.normalize(torch.full((3, 1, 1), 0.5)),
        )
