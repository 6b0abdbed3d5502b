"""How an image is described by the numbers that the optimiser changes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Protocol

import torch

from vital.images.preprocessing import Preprocessing


class Parametrization(Protocol):
    """Numbers (B, ...) that stand for images (B, 3, H, W) in normalised units."""

    latent: torch.Tensor

    def images(self) -> torch.Tensor: ...

    def constrain(self) -> None: ...


class Pixels:
    """The normalised pixels themselves, (B, 3, H, W), kept in the valid range if asked."""

    def __init__(self, start: torch.Tensor, preprocessing: Preprocessing, clamp: bool) -> None:
        self.latent = start.clone().requires_grad_(True)
        low, high = preprocessing.bounds()
        self._low, self._high = low.to(start.device), high.to(start.device)
        self._clamp = clamp

    def images(self) -> torch.Tensor:
        """The images that the numbers stand for, (B, 3, H, W)."""
        return self.latent

    def constrain(self) -> None:
        """Bring the pixels back between black and white."""
        if self._clamp:
            with torch.no_grad():
                self.latent.clamp_(self._low, self._high)


class Waves(ABC):
    """Numbers (B, ...) that stand for the waves of which images are made; all of them are legal."""

    def __init__(self, start: torch.Tensor, preprocessing: Preprocessing) -> None:
        self.latent = start.clone().requires_grad_(True)
        self._preprocessing = preprocessing

    def images(self) -> torch.Tensor:
        """The images that the numbers stand for, (B, 3, H, W)."""
        if self.latent.device.type == "cpu":
            # One by one: a transform of several images at once may round each of them differently.
            pixels = torch.stack([self._pixels(one) for one in self.latent])
        else:
            pixels = self._pixels(self.latent)  # so many small transforms take long to start there
        return self._preprocessing.normalize(pixels)

    def constrain(self) -> None:  # noqa: B027 (there is nothing to do)
        """Leave the numbers as they are."""

    @abstractmethod
    def _pixels(self, waves: torch.Tensor) -> torch.Tensor:
        """The pixels (..., 3, H, W) of images' numbers (..., 3, H, W // 2 + 1, ...)."""


class Spectrum(Waves):
    """Fourier coefficients of decorrelated colours, (B, 3, H, W // 2 + 1, 2), as in Lucid.

    Each coefficient is divided by its frequency to the power ``exponent``, but by no less than that
    of the longest wave; the inverse transform is divided by 4, its colours are mixed by ``colours``
    (3, 3), and a sigmoid brings them between black and white. Source: Olah et al., "Feature
    Visualization", Distill 2017, and the defaults of the packages Lucid and Lucent, in which the
    exponent is 1.
    """

    def __init__(
        self,
        start: torch.Tensor,
        colours: torch.Tensor,
        preprocessing: Preprocessing,
        exponent: float = 1.0,
    ) -> None:
        super().__init__(start, preprocessing)
        self._colours = colours.to(start)
        # A quarter of the coefficients is the same as a quarter of the transform, to the last bit.
        scale = frequency_scale(preprocessing.size, exponent).unsqueeze(-1) / 4
        self._scale = scale.to(start.device)

    def _pixels(self, waves: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self._mixed(waves))

    def _mixed(self, spectrum: torch.Tensor) -> torch.Tensor:
        scaled = torch.view_as_complex(spectrum * self._scale)
        waves = torch.fft.irfft2(scaled, s=self._preprocessing.size, norm="ortho")
        return torch.einsum("oc,...chw->...ohw", self._colours, waves)


def frequency_scale(size: tuple[int, int], exponent: float = 1.0) -> torch.Tensor:
    """One over a power of the frequency of a real image's coefficients, (H, W // 2 + 1).

    Frequencies are in waves per pixel, and at least one over the longer side.
    """
    height, width = size
    down, right = torch.fft.fftfreq(height), torch.fft.rfftfreq(width)
    frequencies = torch.sqrt(down[:, None].square() + right[None, :].square())
    return 1.0 / frequencies.clamp(min=1.0 / max(height, width)).pow(exponent)


class Phases(Waves):
    """The phases of an image's Fourier coefficients, (B, 3, H, W // 2 + 1), in radians.

    The ``magnitude`` (3, H, W // 2 + 1) of the coefficients of the pixels in 0..1 is given and is
    every image's, exactly: nothing clips or rescales them. Source: Fel et al., "Unlocking Feature
    Visualization for Deeper Networks with MAgnitude Constrained Optimization", NeurIPS 2023.
    """

    def __init__(
        self, start: torch.Tensor, magnitude: torch.Tensor, preprocessing: Preprocessing
    ) -> None:
        super().__init__(start, preprocessing)
        self._magnitude = magnitude.to(start)

    def _pixels(self, waves: torch.Tensor) -> torch.Tensor:
        width = self._preprocessing.size[1]
        spectrum = torch.polar(self._magnitude, of_real_image(waves, width))
        pixels: torch.Tensor = torch.fft.irfft2(spectrum, s=self._preprocessing.size)
        return pixels


def of_real_image(phase: torch.Tensor, width: int) -> torch.Tensor:
    """Phases (..., H, W // 2 + 1) made those of a real image that is ``width`` pixels wide.

    In the columns that are their own mirror image, the phases of opposite waves are opposite;
    else the inverse transform would drop a part of each, and with it some of the magnitude. The
    phases of the mean and of the shortest waves, which are their own opposites, are 0.
    """
    opposite = phase.flip(-2).roll(1, dims=-2)
    own_mirror = torch.zeros(phase.shape[-1], dtype=torch.bool, device=phase.device)
    own_mirror[0] = True
    own_mirror[-1] |= width % 2 == 0
    return torch.where(own_mirror, (phase - opposite) / 2, phase)
