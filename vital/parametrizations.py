"""How an image is described by the numbers that the optimiser changes."""

from __future__ import annotations

import torch

from vital.preprocessing import Preprocessing


def normal_start(size: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """Standard normal noise in normalised space, (3, H, W)."""
    return torch.randn(3, *size, generator=generator)


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
