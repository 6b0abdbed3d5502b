"""Activation maximisation over decorrelated Fourier coefficients (Olah et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch

from vital.images.preprocessing import Preprocessing
from vital.images.statistics import ImageStatistics
from vital.methods.base import MethodInputs
from vital.methods.image_spaces import FourierSpace
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

    @staticmethod
    def waves(preprocessing: Preprocessing, images: ImageStatistics) -> FourierSpace:
        """Coefficients in decorrelated colours; a little of each to start from."""
        return FourierSpace(preprocessing, images.covariance)

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
