"""Which image formats are read, and by which endings their files are known.

Everything is read that Pillow decodes by itself and that people keep pictures in. What is left out:

- EPS and WMF, whose decoders run other programs or ask the system;
- BUFR, GRIB, HDF5 and MPEG, which Pillow recognises but cannot decode;
- FITS, IM, IMT, MCIDAS, PIXAR and SPIDER: measured values or film, without a scale of brightness;
- PSD, whose flattened picture may be an empty stand-in, and IPTC and PCD: containers of others;
- BLP, DDS and FTEX (textures), CUR, ICNS, ICO, GBR, MSP, XBM, XPM and XVTHUMB (icons, cursors,
  brushes, thumbnails), DCX and FLI (faxes, cartoons): they lie beside photographs unasked, and
  every decoder is one more that hostile bytes can reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ENDINGS: Mapping[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jfif", ".jpe", ".mpo"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "AVIF": (".avif", ".avifs"),
    "JPEG2000": (".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"),
    "QOI": (".qoi",),
    "SGI": (".sgi", ".bw", ".rgb", ".rgba"),
    "SUN": (".ras",),
    "DIB": (".dib",),
    "PCX": (".pcx",),
    "TGA": (".tga", ".icb", ".vda", ".vst"),
}
"""The endings of each format, in lower case; the first is what its files are given."""

SUFFIXES = frozenset(ending for endings in ENDINGS.values() for ending in endings)
"""Endings, in lower case, of the files that are taken for images."""

_BY_ENDING_ONLY = frozenset({"DIB", "PCX", "TGA"})
"""Other bytes can pass for these, whose signature is short or none."""

_JPEG_VARIANT = "MPO"
"""What Pillow calls a JPEG with further pictures behind the first."""


def formats_of(name: str | Path) -> list[str]:
    """The formats that a file of this name can have: any with a signature, whatever its ending."""
    ending = Path(name).suffix.lower()
    return [
        kind
        for kind, endings in ENDINGS.items()
        if kind not in _BY_ENDING_ONLY or ending in endings
    ]


def suffix_of(kind: str) -> str:
    """The ending of a file of the format that Pillow calls ``kind``."""
    return ENDINGS["JPEG" if kind == _JPEG_VARIANT else kind][0]
