"""Images as tensors, and back."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image


def to_uint8(pixels: torch.Tensor) -> np.ndarray:
    """Turn (C, H, W) values in 0..1 into an (H, W, C) array of bytes, by rounding."""
    scaled = pixels.detach().to("cpu", torch.float64).clamp(0, 1).mul(255).round()
    return scaled.to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def from_image(image: Image.Image) -> torch.Tensor:
    """Turn an RGB image into a (3, H, W) float tensor in 0..1."""
    array = np.array(image, dtype=np.uint8)
    return torch.from_numpy(array).permute(2, 0, 1).to(torch.float32) / 255.0
