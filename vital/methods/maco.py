"""MACO: activation maximisation over phases, with the spectrum of real images (Fel et al. 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import torch

from vital.methods.base import MethodInputs
from vital.methods.parametrizations import Phases, phase_start
from vital.methods.record import MethodRecord
from vital.methods.response import WaveMethod
from vital.methods.transforms import Crops
from vital.params.peers import MacoParams
from vital.runtime.files import digest
from vital.units import Target


class MacoMethod(WaveMethod[MacoParams]):
    """Changes phases only; the magnitudes are the means of the run's own ``images``."""

    name = "maco"

    @classmethod
    def of_run(cls, run: MethodInputs) -> Self:
        """As the block ``peers`` asks for."""
        return cls.with_params(run, run.peers.maco)

    def measured(self) -> dict[str, Any]:
        """The magnitudes."""
        return {"magnitude": digest(self._images.magnitude.numpy().tobytes().hex())}

    def start(self, target: Target) -> torch.Tensor:
        """Random phases."""
        return phase_start(self.setup.model.preprocessing.size, self._draws(target, "phases"))

    def parametrize(self, latents: torch.Tensor) -> Phases:
        """Images by their phases."""
        return Phases(latents, self._images.magnitude, self.setup.model.preprocessing)

    def transform(self, targets: Sequence[Target]) -> Crops:
        """Random crops of each image, with noise."""
        keys = [target.id for target in targets]
        params = self._params
        return Crops(self.setup.seed, keys, params.crops, params.box, params.noise)


METHOD = MethodRecord("maco", MacoParams, MacoMethod.of_run, MacoMethod.of_run)
