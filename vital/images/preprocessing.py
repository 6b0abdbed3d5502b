"""From an image to a network's input and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from PIL import Image

from vital.errors import ModelError
from vital.images.tensors import from_image

_RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "nearest": Image.Resampling.NEAREST,
    "lanczos": Image.Resampling.LANCZOS,
}

_LONGEST = 20
"""How often an image's short side may go into its long one for it to be resized as a whole."""


@dataclass(frozen=True)
class Preprocessing:
    """How a network wants its input: ``size`` is (height, width) in pixels.

    ``mean`` and ``std`` are per colour, for pixels in 0..1; ``crop_pct`` is the cropped share of
    the resized image's side.
    """

    size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: str = "bilinear"
    crop_pct: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """As plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Preprocessing:
        """The inverse of :meth:`to_dict`."""
        return cls(
            size=(int(content["size"][0]), int(content["size"][1])),
            mean=_triple(content["mean"]),
            std=_triple(content["std"]),
            interpolation=str(content.get("interpolation", cls.interpolation)),
            crop_pct=float(content.get("crop_pct", cls.crop_pct)),
        )

    def __call__(self, image: Image.Image) -> torch.Tensor:
        """Resize the short side, crop the centre, normalise: RGB image to (3, H, W)."""
        return self.normalize(from_image(self.crop(image)))

    def crop(self, image: Image.Image) -> Image.Image:
        """The part of the image that the network sees, at its input size."""
        height, width = self.size
        if image.size == (width, height):
            return image
        scale = max(height / image.height, width / image.width) / self.crop_pct
        resized = (
            max(width, round(image.width * scale)),
            max(height, round(image.height * scale)),
        )
        left, top = (resized[0] - width) // 2, (resized[1] - height) // 2
        box = (left, top, left + width, top + height)
        if max(image.size) > _LONGEST * min(image.size):
            return self._cut(image, resized, box)
        return image.resize(resized, self._resampling()).crop(box)

    def _cut(
        self, image: Image.Image, resized: tuple[int, int], box: tuple[int, int, int, int]
    ) -> Image.Image:
        """``box`` of the image resized, of which no other part is made: a strip may be endless."""
        across, down = image.width / resized[0], image.height / resized[1]
        part = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
        # The box's end may pass the image's by a rounding error, which Pillow refuses.
        end = (min(part[2], image.width), min(part[3], image.height))
        return image.resize(self.size[::-1], self._resampling(), box=(*part[:2], *end))

    def normalize(self, pixels: torch.Tensor) -> torch.Tensor:
        """From pixels in 0..1 to the network's units, (..., 3, H, W)."""
        return (pixels - self._column(self.mean, pixels)) / self._column(self.std, pixels)

    def denormalize(self, values: torch.Tensor) -> torch.Tensor:
        """From the network's units to pixels in 0..1, (..., 3, H, W)."""
        return values * self._column(self.std, values) + self._column(self.mean, values)

    def bounds(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The normalised values of black and of white, each (3, 1, 1)."""
        black = torch.zeros(3, 1, 1)
        return self.normalize(black), self.normalize(black + 1)

    def _resampling(self) -> Image.Resampling:
        if self.interpolation not in _RESAMPLING:
            raise ModelError(
                f"interpolation {self.interpolation!r} is unknown; legal: {', '.join(_RESAMPLING)}"
            )
        return _RESAMPLING[self.interpolation]

    @staticmethod
    def _column(values: tuple[float, float, float], like: torch.Tensor) -> torch.Tensor:
        return torch.tensor(values, dtype=like.dtype, device=like.device).view(3, 1, 1)


def _triple(values: list[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
