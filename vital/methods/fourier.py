"""Activation maximisation over decorrelated Fourier coefficients (Olah et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Self

import torch

from vital.images.statistics import mixing_matrix
from vital.methods.base import MethodInputs
from vital.methods.parametrizations import Spectrum, spectrum_start
from vital.methods.record import MethodRecord
from vital.methods.response import WaveMethod
from vital.methods.transforms import RandomAffine
from vital.params.peers import FourierParams
from vital.units import Target


class FourierMethod(WaveMethod[FourierParams]):
    """Lucid's method, with the colours of the run's own ``images`` in place of ImageNet's."""

    name = "fourier"

    @classmethod
    def of_run(cls, run: MethodInputs) -> Self:
        """As the block ``peers`` asks for."""
        return cls.with_params(run, run.peers.fourier)

    def measured(self) -> dict[str, Any]:
        """The colours."""
        return {"colours": self._colours.tolist()}

    @cached_property
    def _colours(self) -> torch.Tensor:
        return mixing_matrix(self._images.covariance)

    def start(self, target: Target) -> torch.Tensor:
        """A little of every wave."""
        return spectrum_start(self.setup.model.preprocessing.size, self._draws(target, "spectrum"))

    def parametrize(self, latents: torch.Tensor) -> Spectrum:
        """Images by their decorrelated Fourier coefficients."""
        return Spectrum(latents, self._colours, self.setup.model.preprocessing)

    def transform(self, targets: Sequence[Target]) -> RandomAffine:
        """Each image padded, shifted, scaled and turned."""
        return RandomAffine(
            self.setup.seed,
            [target.id for target in targets],
            self._params.pad,
            self._params.shifts,
            self._params.scale,
            self._params.degrees,
            self.setup.model.preprocessing.normalize(torch.full((3, 1, 1), 0.5)),
        )


METHOD = MethodRecord("fourier", FourierParams, FourierMethod.of_run, FourierMethod.of_run)
