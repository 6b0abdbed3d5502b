"""MACO: activation maximisation over phases, with the spectrum of real images (Fel et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from vital.images.preprocessing import Preprocessing
from vital.images.statistics import ImageStatistics
from vital.methods.base import MethodInputs
from vital.methods.image_spaces import PhaseSpace
from vital.methods.record import MethodRecord
from vital.methods.response import WaveMethod
from vital.methods.transforms import Crops
from vital.params.peers import MacoParams
from vital.units import Target


class MacoMethod(WaveMethod[MacoParams]):
    """Changes phases only; the magnitudes are the means of the run's own ``images``."""

    name = "maco"

    @classmethod
    def of_run(cls, run: MethodInputs) -> Self:
        """As the block ``peers`` asks for."""
        return cls.with_params(run, run.peers.maco)

    @staticmethod
    def waves(preprocessing: Preprocessing, images: ImageStatistics) -> PhaseSpace:
        """Phases of waves as strong as those of the images."""
        return PhaseSpace(preprocessing, images.magnitude)

    def transform(self, targets: Sequence[Target]) -> Crops:
        """Random crops of each image, with noise."""
        keys = [target.id for target in targets]
        params = self._params
        return Crops(self.setup.seed, keys, params.crops, params.box, params.noise)


METHOD = MethodRecord("maco", MacoParams, MacoMethod.of_run, MacoMethod.of_run)
