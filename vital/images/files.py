"""Image files in and out: every colour mode, bit depth and rotation becomes upright 8-bit RGB."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vital.errors import DataError
from vital.runtime.files import write_bytes

SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm"}
)
"""Endings, in lower case, of the files that are taken for images."""

_SUFFIX_OF_FORMAT = {
    "JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "BMP": ".bmp", "TIFF": ".tif", "GIF": ".gif",
    "PPM": ".ppm",
}  # fmt: skip
"""What is decoded, whatever a file's name: no format whose decoder runs other programs."""

_JPEG_VARIANT = "MPO"
"""What Pillow calls a JPEG with further pictures behind the first."""

_DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")


class UndecodableImageError(DataError):
    """A file that is no image, or only part of one."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True)
class EncodedImage:
    """A readable image as the content of a file; width and height are those of it upright."""

    content: bytes
    suffix: str
    width: int
    height: int

    @cached_property
    def sha256(self) -> str:
        """The digest of the content."""
        return hashlib.sha256(self.content).hexdigest()


def read_image(path: Path) -> Image.Image:
    """Read an image as upright RGB: EXIF rotation applied, alpha laid on white, 16 bit scaled.

    Raises UndecodableImageError for a missing, truncated or non-image file.
    """
    return decode_image(_read_content(path), path)


def read_rgba(path: Path) -> Image.Image:
    """As :func:`read_image`, with the transparency that the file has; opaque where it has none."""
    return _decode(_read_content(path), path, _to_rgba)[0]


def _read_content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UndecodableImageError(path, explain_unreadable(error)) from None


def decode_image(content: bytes, name: str | Path) -> Image.Image:
    """As :func:`read_image`, for a file's content; ``name`` is for the message."""
    return _decode(content, name)[0]


def to_rgb(content: bytes | Image.Image, name: str | Path) -> Image.Image:
    """As :func:`decode_image`, also for an image that some other package has decoded."""
    return decode_image(content, name) if isinstance(content, bytes) else _to_rgb(content)


def encode_image(
    content: bytes | Image.Image, name: str | Path, side: int | None = None
) -> EncodedImage:
    """Check that an image can be decoded, and shrink its short side to ``side`` pixels if larger.

    A file's content is kept as it is unless it is shrunk; anything else becomes a lossless PNG of
    the upright RGB image. Raises UndecodableImageError as :func:`read_image` does.
    """
    if isinstance(content, bytes):
        image, suffix = _decode(content, name)
        if side is None or min(image.size) <= side:
            return EncodedImage(content, suffix, image.width, image.height)
    else:
        image = _to_rgb(content)
    image = image if side is None else _shrink(image, side)
    return EncodedImage(_png(image), ".png", image.width, image.height)


def explain_unreadable(error: OSError) -> str:
    """Why a file's content cannot be had, without its path."""
    if isinstance(error, FileNotFoundError):
        return "the file does not exist"
    return f"cannot be read ({error.strerror or error})"


def _decode(
    content: bytes, name: str | Path, convert: Callable[[Image.Image], Image.Image] | None = None
) -> tuple[Image.Image, str]:
    """The upright image, converted (to RGB unless told), and the ending of its format."""
    try:
        with Image.open(io.BytesIO(content), formats=list(_SUFFIX_OF_FORMAT)) as image:
            image.load()
            upright = ImageOps.exif_transpose(image)
            kind = "JPEG" if image.format == _JPEG_VARIANT else str(image.format)
            return (convert or _to_rgb)(upright), _SUFFIX_OF_FORMAT[kind]
    except UnidentifiedImageError:
        raise UndecodableImageError(name, "not an image") from None
    except Exception as error:  # a damaged file may end in any error, depending on its decoder
        reason = str(error) or type(error).__name__
        raise UndecodableImageError(name, f"cannot be decoded ({reason})") from None


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in _DEEP_MODES:
        return _from_deep_grey(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(background, image).convert("RGB")
    return image.convert("RGB")


def _to_rgba(image: Image.Image) -> Image.Image:
    image = image if image.has_transparency_data else _to_rgb(image)
    return image.convert("RGBA")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """Scale 16-bit or floating-point grey by the range of its type, not by its content."""
    values = np.asarray(image, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds values that are not finite")
    full_scale = 1.0 if image.mode == "F" and values.max() <= 1.0 else 65535.0
    grey = np.clip(np.rint(values / full_scale * 255.0), 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _shrink(image: Image.Image, side: int) -> Image.Image:
    """Make the short side ``side`` pixels long, unless it is shorter."""
    scale = side / min(image.size)
    if scale >= 1:
        return image
    size = (max(side, round(image.width * scale)), max(side, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC)


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def write_png(path: Path, array: np.ndarray) -> None:
    """Write bytes (H, W, 3), (H, W, 4) or (H, W) as PNG, whole or not at all, without metadata."""
    write_bytes(path, _png(Image.fromarray(array)))
