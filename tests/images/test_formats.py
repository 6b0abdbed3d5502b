"""Which formats are read: every one that Pillow knows is either read or left out on purpose."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from helpers.own_images import encoded
from vital.images.files import UndecodableImageError, decode_image, encode_image
from vital.images.formats import ENDINGS, SUFFIXES, formats_of

LEFT_OUT = {
    "BLP", "BUFR", "CUR", "DCX", "DDS", "EPS", "FITS", "FLI", "FTEX", "GBR", "GRIB", "HDF5",
    "ICNS", "ICO", "IM", "IMT", "IPTC", "MCIDAS", "MPEG", "MSP", "PCD", "PIXAR", "PSD", "SPIDER",
    "WMF", "XBM", "XPM", "XVTHUMB",
}  # fmt: skip

WRITTEN = sorted(set(ENDINGS) - {"SUN"})
"""Pillow reads SUN only."""


def ramp() -> Image.Image:
    """A smooth picture, which formats that lose something lose little of."""
    return Image.fromarray(np.tile(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], (40, 1, 3)))


def test_every_format_that_pillow_opens_is_read_or_left_out() -> None:
    Image.init()
    assert set(Image.OPEN) - set(ENDINGS) == LEFT_OUT


def test_the_endings_are_all_that_pillow_knows() -> None:
    known = Image.registered_extensions()
    for kind, endings in ENDINGS.items():
        others = {"MPO"} if kind == "JPEG" else set()
        assert {ending for ending, one in known.items() if one in {kind, *others}} == set(endings)


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_format_is_read(kind: str) -> None:
    content = encoded(ramp(), kind)
    for ending in ENDINGS[kind]:
        shown = np.asarray(decode_image(content, f"a{ending.upper()}"), dtype=int)
        assert np.abs(shown - np.asarray(ramp(), dtype=int)).max() <= 4
        assert encode_image(content, f"a{ending}").suffix == ENDINGS[kind][0]


def test_a_sun_raster_is_read() -> None:
    header = np.array([0x59A66A95, 2, 1, 24, 6, 1, 0, 0], ">u4").tobytes()
    image = decode_image(header + bytes([30, 20, 10, 60, 50, 40]), "a.ras")
    assert np.asarray(image).tolist() == [[[10, 20, 30], [40, 50, 60]]]


@pytest.mark.parametrize("kind", ["TGA", "PCX", "DIB"])
def test_what_other_bytes_can_pass_for_is_known_by_its_ending(kind: str) -> None:
    assert kind in formats_of(f"a/b{ENDINGS[kind][0].upper()}")
    with pytest.raises(UndecodableImageError, match="not an image"):
        decode_image(encoded(ramp(), kind), "a.png")


@pytest.mark.parametrize("kind", ["EPS", "ICO", "DDS", "SPIDER", "XBM", "MSP", "IM", "ICNS"])
def test_what_is_left_out_is_no_image_whatever_its_name(kind: str) -> None:
    content = encoded(ramp().convert("1" if kind in ("XBM", "MSP") else "L"), kind)
    for ending in SUFFIXES:
        with pytest.raises(UndecodableImageError, match=r"not an image|damaged"):
            decode_image(content, f"a{ending}")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_of_several_pictures_the_first_is_seen(kind: str) -> None:
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    frames = [Image.new("RGB", (16, 16), colour) for colour in colours]
    buffer = io.BytesIO()
    frames[0].save(buffer, kind, save_all=True, append_images=frames[1:])
    red, green, blue = decode_image(buffer.getvalue(), "a").getpixel((8, 8))
    assert red > 240
    assert max(green, blue) < 20
