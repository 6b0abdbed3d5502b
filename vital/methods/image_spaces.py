"""The numbers that a method's images are made of: where they start, and what they stand for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import torch

from vital.images.preprocessing import Preprocessing
from vital.images.statistics import ImageStatistics, mixing_matrix
from vital.methods.parametrizations import Parametrization, Phases, Pixels, Spectrum
from vital.params.visualize import MethodParams
from vital.runtime.files import digest

MeasureImages = Callable[[], ImageStatistics]
"""Measures the run's own images, which takes its time."""


class ImageSpace(ABC):
    """A parametrization before any numbers are given; ``purpose`` names the draws of its start."""

    purpose: ClassVar[str]

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.preprocessing = preprocessing

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """What determines its starts and what numbers stand for, as plain data."""

    @abstractmethod
    def start(self, generator: torch.Generator) -> torch.Tensor:
        """The numbers that one image starts from."""

    @abstractmethod
    def parametrize(self, latents: torch.Tensor) -> Parametrization:
        """The images that numbers (B, ...) stand for."""


class PixelSpace(ImageSpace):
    """Normalised pixels, kept between black and white by ``clamp``.

    They start from normal noise of the deviation ``spread``.
    """

    purpose = "start"

    def __init__(self, preprocessing: Preprocessing, clamp: bool, spread: float = 1.0) -> None:
        super().__init__(preprocessing)
        self._clamp = clamp
        self._spread = spread

    def facts(self) -> dict[str, Any]:
        return {"pixels": {"clamp": self._clamp, "spread": self._spread}}

    def start(self, generator: torch.Generator) -> torch.Tensor:
        return self._spread * torch.randn(3, *self.preprocessing.size, generator=generator)

    def parametrize(self, latents: torch.Tensor) -> Pixels:
        return Pixels(latents, self.preprocessing, self._clamp)


class FourierSpace(ImageSpace):
    """Fourier coefficients in colours that images of this ``covariance`` (3, 3) decorrelate.

    They start from normal noise of the deviation ``start`` and are scaled as
    :class:`vital.methods.parametrizations.Spectrum` says. The defaults are Lucid's.
    """

    purpose = "spectrum"

    def __init__(
        self,
        preprocessing: Preprocessing,
        covariance: torch.Tensor,
        start: float = 0.01,
        exponent: float = 1.0,
    ) -> None:
        super().__init__(preprocessing)
        self._colours = mixing_matrix(covariance)
        self._start = start
        self._exponent = exponent

    def facts(self) -> dict[str, Any]:
        return {
            "fourier": {
                "colours": self._colours.tolist(),
                "start": self._start,
                "exponent": self._exponent,
            }
        }

    def start(self, generator: torch.Generator) -> torch.Tensor:
        height, width = self.preprocessing.size
        return self._start * torch.randn(3, height, width // 2 + 1, 2, generator=generator)

    def parametrize(self, latents: torch.Tensor) -> Spectrum:
        return Spectrum(latents, self._colours, self.preprocessing, self._exponent)


class PhaseSpace(ImageSpace):
    """Phases drawn from the whole circle, of waves of this ``magnitude`` (3, H, W // 2 + 1)."""

    purpose = "phases"

    def __init__(self, preprocessing: Preprocessing, magnitude: torch.Tensor) -> None:
        super().__init__(preprocessing)
        self._magnitude = magnitude

    def facts(self) -> dict[str, Any]:
        return {"phases": {"magnitude": digest(self._magnitude.numpy().tobytes().hex())}}

    def start(self, generator: torch.Generator) -> torch.Tensor:
        height, width = self.preprocessing.size
        turns = torch.rand(3, height, width // 2 + 1, generator=generator)
        return (2 * turns - 1) * torch.pi

    def parametrize(self, latents: torch.Tensor) -> Phases:
        return Phases(latents, self._magnitude, self.preprocessing)


def space_of(
    params: MethodParams, preprocessing: Preprocessing, images: MeasureImages
) -> ImageSpace:
    """The one that ``visualize.parametrization`` names."""
    if params.parametrization == "pixels":
        return PixelSpace(preprocessing, params.clamp)
    fourier = params.fourier
    return FourierSpace(preprocessing, images().covariance, fourier.start, fourier.exponent)
