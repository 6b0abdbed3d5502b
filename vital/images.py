"""Image files in and out: every colour mode, bit depth and rotation becomes upright 8-bit RGB."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

from vital.errors import DataError
from vital.files import write_bytes

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm"})

_DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")


class UndecodableImageError(DataError):
    """A file that is no image, or only part of one."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def read_image(path: Path) -> Image.Image:
    """Read an image as upright RGB: EXIF rotation applied, alpha laid on white, 16 bit scaled.

    Raises UndecodableImageError for a missing, truncated or non-image file.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return _to_rgb(ImageOps.exif_transpose(image))
    except FileNotFoundError:
        raise UndecodableImageError(path, "the file does not exist") from None
    except UnidentifiedImageError:
        raise UndecodableImageError(path, "not an image") from None
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise UndecodableImageError(path, f"cannot be decoded ({error})") from None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in _DEEP_MODES:
        return _from_deep_grey(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(background, image).convert("RGB")
    return image.convert("RGB")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """Scale 16-bit or floating-point grey by the range of its type, not by its content."""
    values = np.asarray(image, dtype=np.float64)
    full_scale = 1.0 if image.mode == "F" and values.max() <= 1.0 else 65535.0
    grey = np.clip(np.rint(values / full_scale * 255.0), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def to_uint8(pixels: torch.Tensor) -> np.ndarray:
    """Turn (3, H, W) values in 0..1 into an (H, W, 3) array of bytes, by rounding."""
    scaled = pixels.detach().to("cpu", torch.float64).clamp(0, 1).mul(255).round()
    return scaled.to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def from_image(image: Image.Image) -> torch.Tensor:
    """Turn an RGB image into a (3, H, W) float tensor in 0..1."""
    array = np.array(image, dtype=np.uint8)
    return torch.from_numpy(array).permute(2, 0, 1).to(torch.float32) / 255.0


def write_png(path: Path, array: np.ndarray) -> None:
    """Write an (H, W, 3) array of bytes as PNG, whole or not at all, without any metadata."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format="PNG")
    write_bytes(path, buffer.getvalue())
