"""Image files in and out: every colour mode, bit depth and rotation becomes upright 8-bit RGB."""

from __future__ import annotations

import hashlib
import io
import logging
import re
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from vital.errors import DataError
from vital.images.formats import formats_of, suffix_of
from vital.runtime.files import write_bytes

MOST_PIXELS = 2 * (1024**3 // 4 // 3)
"""The most pixels that an image may have: Pillow's own limit, which a caller of it may change."""

MOST_BYTES = 1024**3
"""The longest file that is read: an image of the most pixels, three times 16 bits each."""

_DEEP_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N", "F")

_FULL_SCALE = 65535
"""White in 16 bits."""

_UNDERSHOOT = 0.1
"""The share of the largest value by which floating-point grey may fall below black."""

_STRIP = 2**20
"""So many deep pixels at once are turned into bytes."""

_KINDS = {
    stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device", stat.S_IFBLK: "a device",
}  # fmt: skip

_TIFF_LOG = logging.getLogger("PIL.TiffImagePlugin")
"""The only one of Pillow's that says more than is asked for debugging."""

_PILLOWS_WARNINGS = ("ignore", None, Warning, re.compile(r"PIL\."), 0)


class UndecodableImageError(DataError):
    """A file that is no image, or only part of one."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class _NoPictureError(Exception):
    """Why what could be decoded is no picture all the same."""


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

    Of several pictures in a file it is the first. Raises UndecodableImageError for a missing,
    truncated or non-image file.
    """
    return decode_image(read_file(path, path), path)


def read_rgba(path: Path) -> Image.Image:
    """As :func:`read_image`, with the transparency that the file has; opaque where it has none."""
    return _decode(read_file(path, path), path, _to_rgba)[0]


def read_file(path: Path, name: str | Path) -> bytes:
    """A file's content; ``name`` is for the message.

    Raises UndecodableImageError when it cannot be had, is too long, or is no file but a pipe, a
    device or the like, which is never opened.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
            raise UndecodableImageError(name, f"it is no file but {kind}")
        if found.st_size > MOST_BYTES:
            raise UndecodableImageError(name, too_long(found.st_size))
        return path.read_bytes()
    except FileNotFoundError:
        raise UndecodableImageError(name, "the file does not exist") from None
    except OSError as error:
        reason = f"cannot be read ({error.strerror or type(error).__name__})"
        raise UndecodableImageError(name, reason) from None
    except ValueError:
        raise UndecodableImageError(name, "no file can have this name") from None


def too_long(size: int) -> str:
    """Why a file of more than MOST_BYTES is not read."""
    return f"it has {size:,} bytes, and no image may have over {MOST_BYTES:,}"


def decode_image(content: bytes, name: str | Path) -> Image.Image:
    """As :func:`read_image`, for a file's content; ``name`` is for the message and the format."""
    return _decode(content, name)[0]


def to_rgb(content: bytes | Image.Image, name: str | Path) -> Image.Image:
    """As :func:`decode_image`, also for an image that some other package has decoded."""
    if isinstance(content, bytes):
        return decode_image(content, name)
    with _explained(name):
        return _to_rgb(content)


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
        image = to_rgb(content, name)
    image = image if side is None else _shrink(image, side)
    return EncodedImage(_png(image), ".png", image.width, image.height)


def _decode(
    content: bytes, name: str | Path, convert: Callable[[Image.Image], Image.Image] | None = None
) -> tuple[Image.Image, str]:
    """The upright image, converted (to RGB unless told), and the ending of its format."""
    with (
        _explained(name),
        _without_pillows_words(),
        Image.open(io.BytesIO(content), formats=formats_of(name)) as image,
    ):
        if image.width * image.height > MOST_PIXELS:
            raise Image.DecompressionBombError
        _check_extent(image)
        image.load()
        upright = ImageOps.exif_transpose(image)
        return (convert or _to_rgb)(upright), suffix_of(str(image.format))


def _check_extent(image: Image.Image) -> None:
    """Refuse a TIFF whose parts end before the image does: Pillow would leave the rest black."""
    ends = [tile.extents[2:] for tile in getattr(image, "tile", ()) if tile.extents is not None]
    if image.format == "TIFF" and ends:
        right, low = (max(sides) for sides in zip(*ends, strict=True))
        if right < image.width or low < image.height:
            raise _NoPictureError("its parts do not cover it")


@contextmanager
def _explained(name: str | Path) -> Iterator[None]:
    """Turn whatever a damaged file leads to into one error in our own words."""
    try:
        yield
    except UnidentifiedImageError:
        raise UndecodableImageError(name, "not an image of a format that is read") from None
    except Image.DecompressionBombError:
        reason = f"cannot be decoded (it has more than {MOST_PIXELS:,} pixels)"
        raise UndecodableImageError(name, reason) from None
    except _NoPictureError as error:
        raise UndecodableImageError(name, f"cannot be decoded ({error})") from None
    except MemoryError:
        reason = "cannot be decoded (it takes more memory than there is)"
        raise UndecodableImageError(name, reason) from None
    except Exception:  # a damaged file may end in any error, depending on its decoder
        reason = "cannot be decoded (it is damaged, incomplete or of an unusual kind)"
        raise UndecodableImageError(name, reason) from None


@contextmanager
def _without_pillows_words() -> Iterator[None]:
    """Keep Pillow from warning of what is decoded all the same: its words name no file.

    Every thread adds filters of its own, and takes as many away.
    """
    cast("list[object]", warnings.filters).insert(0, _PILLOWS_WARNINGS)
    _TIFF_LOG.filters.append(_nothing)
    try:
        yield
    finally:
        with suppress(ValueError):  # somebody has put other filters in place meanwhile
            cast("list[object]", warnings.filters).remove(_PILLOWS_WARNINGS)
        _TIFF_LOG.filters.remove(_nothing)


def _nothing(_record: logging.LogRecord) -> bool:
    return False


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in _DEEP_MODES:
        return _from_deep_grey(image)
    if image.has_transparency_data:
        image = _with_alpha(image)
        background = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(background, image).convert("RGB")
    return image.convert("RGB")


def _to_rgba(image: Image.Image) -> Image.Image:
    is_deep = image.mode in _DEEP_MODES
    return _with_alpha(image if image.has_transparency_data and not is_deep else _to_rgb(image))


def _with_alpha(image: Image.Image) -> Image.Image:
    """As RGBA. Pillow cuts 16-bit colours to eight bits, but not the one that is transparent."""
    colour = image.info.get("transparency")
    if isinstance(colour, tuple) and max(colour) > 255:
        raise _NoPictureError("its transparent colour has 16 bits")
    return image.convert("RGBA")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """Scale 16-bit or floating-point grey by the range of its type, not by its content."""
    values = np.asarray(image)
    white = _white_level(image.mode, values)
    flat, grey = values.reshape(-1), np.empty(values.size, np.uint8)
    for first in range(0, flat.size, _STRIP):
        strip = flat[first : first + _STRIP].astype(np.float64)
        grey[first : first + _STRIP] = np.clip(np.rint(strip / white * 255.0), 0, 255)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey[flat == transparent] = 255
    return Image.fromarray(grey.reshape(values.shape)).convert("RGB")


def _white_level(mode: str, values: np.ndarray) -> float:
    """The value that is white, where the kind of the values leaves no doubt."""
    if not np.isfinite(values).all():
        raise _NoPictureError("it holds values that are not finite")
    least, most = float(values.min()), float(values.max())
    floor = -most * _UNDERSHOOT if mode == "F" else 0.0
    if least < floor or most > _FULL_SCALE:
        raise _NoPictureError(
            f"it holds values outside of 0 to {_FULL_SCALE}: which of them is white?"
        )
    if mode == "F" and 1 < most <= 255:
        raise _NoPictureError(f"its values go up to {most:g}: is white 1, 255 or {_FULL_SCALE}?")
    return 1.0 if mode == "F" and most <= 1.0 else float(_FULL_SCALE)


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
