"""Every image becomes upright 8-bit RGB, or a message that names the file."""

from __future__ import annotations

import io
import struct
import warnings
from pathlib import Path
from zlib import compress, crc32

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, UnidentifiedImageError

from vital.images import files
from vital.images.files import (
    UndecodableImageError,
    decode_image,
    encode_image,
    read_image,
    read_rgba,
    write_png,
)
from vital.images.formats import ENDINGS
from vital.images.tensors import to_uint8


def gradient(width: int = 8, height: int = 6) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 20, y * 30, x + y], axis=2).astype(np.uint8)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA", "1"])
def test_png_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    source = Image.fromarray(gradient()).convert(mode)
    source.save(tmp_path / "a.png")
    expected = np.asarray(source.convert("RGB"), dtype=int)
    assert np.abs(np.asarray(read_image(tmp_path / "a.png"), dtype=int) - expected).max() <= 1


def test_transparency_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    colours = gradient()
    alpha = np.full(colours.shape[:2], 7, dtype=np.uint8)
    write_png(tmp_path / "a.png", np.dstack([colours, alpha]))
    assert np.array_equal(np.asarray(read_rgba(tmp_path / "a.png")), np.dstack([colours, alpha]))


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "1", "I;16"])
def test_what_has_no_transparency_is_opaque(tmp_path: Path, mode: str) -> None:
    source = Image.fromarray(gradient()).convert("L" if mode == "I;16" else mode).convert(mode)
    source.save(tmp_path / "a.png")
    found = np.asarray(read_rgba(tmp_path / "a.png"))
    assert (found[..., 3] == 255).all()
    assert np.array_equal(found[..., :3], np.asarray(read_image(tmp_path / "a.png")))


def test_a_file_that_is_no_image_is_named_by_the_transparent_reader(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("text")
    with pytest.raises(UndecodableImageError, match=r"a\.png"):
        read_rgba(tmp_path / "a.png")


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    red, green, blue = read_image(tmp_path / "a.jpg").getpixel((4, 4))
    assert red > 200
    assert max(green, blue) < 60


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    values = np.array([[0, 257 * 64], [257 * 128, 65535]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    assert np.asarray(read_image(tmp_path / "a.png"))[..., 0].tolist() == [[0, 64], [128, 255]]


def test_transparent_pixels_are_white(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (10, 20, 30, 0)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").getpixel((0, 0)) == (255, 255, 255)


ROTATED = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 3),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", sorted(ROTATED))
def test_exif_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    image = Image.fromarray(gradient())
    exif = image.getexif()
    exif[0x0112] = orientation
    image.save(tmp_path / "a.png", exif=exif)
    expected = ROTATED[orientation](gradient())
    np.testing.assert_array_equal(np.asarray(read_image(tmp_path / "a.png")), expected)


def test_what_is_no_image_is_named(tmp_path: Path) -> None:
    whole = tmp_path / "whole.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:2000])
    (tmp_path / "text.png").write_text("hello", encoding="utf-8")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    for name in ("cut.png", "text.png", "empty.png", "folder.png", "missing.png"):
        with pytest.raises(UndecodableImageError, match=name):
            read_image(tmp_path / name)


def lab(image: Image.Image) -> Image.Image:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.profileToProfile(image, *profiles, outputMode="LAB")


def deep(kind: str) -> Image.Image:
    """The grey gradient in more than eight bits, or as big-endian ones."""
    grey = np.asarray(Image.fromarray(gradient()).convert("L"))
    arrays = {
        "I;16": grey.astype("<u2") * 257,
        "I": grey.astype(np.int32) * 257,
        "F": grey.astype(np.float32) / 255,
        "65535": grey.astype(np.float32) * 257,
    }
    return Image.fromarray(arrays[kind])


@pytest.mark.parametrize(
    ("image", "is_grey"),
    [
        (Image.fromarray(gradient()).convert("CMYK"), False),
        (Image.fromarray(gradient()).convert("YCbCr"), False),
        (lab(Image.fromarray(gradient())), False),
        (Image.fromarray(gradient()).convert("LA"), True),
        *((deep(kind), True) for kind in ("I;16", "I", "F", "65535")),
    ],
    ids=["CMYK", "YCbCr", "LAB", "LA", "I;16", "I", "F", "F to 65535"],
)
def test_every_mode_of_a_tiff_becomes_rgb(
    tmp_path: Path, image: Image.Image, is_grey: bool
) -> None:
    image.save(tmp_path / "a.tif")
    seen = Image.fromarray(gradient())
    expected = np.asarray(seen.convert("L").convert("RGB") if is_grey else seen, dtype=int)
    found = np.asarray(read_image(tmp_path / "a.tif"), dtype=int)
    difference = np.abs(found - expected)
    if image.mode in ("LAB", "YCbCr"):  # which lose some colours by themselves
        assert difference.mean() < 2
    else:
        assert difference.max() <= 1


def test_values_that_are_not_finite_are_no_image(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0.5, np.nan]], np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(UndecodableImageError, match="not finite"):
        read_image(tmp_path / "a.tif")


def test_formats_whose_decoders_run_programs_are_no_images(tmp_path: Path) -> None:
    Image.fromarray(gradient()).save(tmp_path / "a.eps")
    (tmp_path / "a.eps").rename(tmp_path / "a.png")
    with pytest.raises(UndecodableImageError, match="not an image"):
        read_image(tmp_path / "a.png")


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(set(ENDINGS) - {"SUN"})),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    st.floats(0, 1),
)
@pytest.mark.filterwarnings("ignore")
def test_damaged_files_are_decoded_or_named(
    kind: str, changes: list[tuple[int, int]], share: float
) -> None:
    name = f"damaged{ENDINGS[kind][0]}"
    buffer = io.BytesIO()
    Image.fromarray(gradient(20, 20)).save(buffer, kind)
    data = bytearray(buffer.getvalue())
    for place, value in changes:
        data[place % len(data)] = value
    cut = bytes(data[: max(1, round(share * len(data)))])
    try:
        encoded = encode_image(cut, name)
    except UndecodableImageError as error:
        assert str(error).startswith((f"{name}: not an image", f"{name}: cannot be decoded ("))
    else:
        assert encoded.content == cut
        assert decode_image(cut, name).size == (encoded.width, encoded.height)


def test_pixels_are_rounded_and_bytes_repeat(tmp_path: Path) -> None:
    pixels = torch.tensor([0.4999, 0.999, -1.0, 2.0]).view(1, 2, 2).expand(3, 2, 2)
    array = to_uint8(pixels)
    assert array[..., 0].tolist() == [[127, 255], [0, 255]]
    write_png(tmp_path / "a.png", array)
    write_png(tmp_path / "b.png", array)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert b"tIME" not in (tmp_path / "a.png").read_bytes()


def png(bits: int, colours: int, pixels: bytes, transparent: bytes) -> bytes:
    """One row of a PNG with a transparent colour, as Pillow does not write it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    width = len(pixels) // len(transparent)
    header = struct.pack(">IIBBBBB", width, 1, bits, colours, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            chunk(b"IHDR", header), chunk(b"tRNS", transparent),
            chunk(b"IDAT", compress(b"\0" + pixels)), chunk(b"IEND", b""),
        ]
    )  # fmt: skip


def test_the_transparent_grey_of_sixteen_bits_is_white() -> None:
    content = png(16, 0, struct.pack(">HH", 1000, 40000), struct.pack(">H", 1000))
    assert np.asarray(decode_image(content, "a.png"))[0, :, 0].tolist() == [255, 156]


def test_the_transparent_colour_of_sixteen_bits_is_refused() -> None:
    content = png(
        16, 2, struct.pack(">6H", 1000, 1000, 1000, 0, 1, 2), struct.pack(">3H", *[1000] * 3)
    )
    with pytest.raises(UndecodableImageError, match="its transparent colour has 16 bits"):
        decode_image(content, "a.png")


def test_deep_grey_is_scaled_alike_in_every_strip(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (7, 11), np.uint16)
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "PNG")
    expected = np.rint(values / 65535 * 255)
    for strip in (1, 10, 2**20):
        monkeypatch.setattr(files, "_STRIP", strip)
        assert np.array_equal(np.asarray(decode_image(buffer.getvalue(), "a"))[..., 0], expected)


def test_pillows_warnings_are_not_handed_on_and_its_filters_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("1", (12, 9)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.warns(Image.DecompressionBombWarning):
        Image.open(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        assert read_image(tmp_path / "a.png").size == (12, 9)
        assert warnings.filters == before


def test_more_pixels_are_refused_even_where_pillow_would_read_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    monkeypatch.setattr(files, "MOST_PIXELS", 47)
    buffer = io.BytesIO()
    Image.fromarray(gradient()).save(buffer, "PNG")
    with pytest.raises(UndecodableImageError, match="more than 47 pixels"):
        decode_image(buffer.getvalue(), "a.png")


def test_a_tiff_that_says_it_is_longer_than_its_parts_is_refused() -> None:
    """Pillow would decode the first rows and leave the others black."""
    for kind in ("RGB", "LA"):
        buffer = io.BytesIO()
        Image.fromarray(gradient(40, 30)).convert(kind).save(buffer, "TIFF")
        length = struct.pack("<HHII", 257, 4, 1, 30)  # ImageLength, a long
        assert buffer.getvalue().count(length) == 1
        longer = buffer.getvalue().replace(length, struct.pack("<HHII", 257, 4, 1, 300))
        with pytest.raises(UndecodableImageError, match=r"its parts do not cover it|damaged"):
            decode_image(longer, "a.tif")


def test_pillows_log_is_not_handed_on(caplog: pytest.LogCaptureFixture) -> None:
    buffer = io.BytesIO()
    Image.fromarray(gradient()).save(buffer, "TIFF")
    many = buffer.getvalue().replace(
        struct.pack("<HHIHH", 277, 3, 1, 3, 0), struct.pack("<HHIHH", 277, 3, 1, 900, 0)
    )  # SamplesPerPixel
    assert many != buffer.getvalue()
    with pytest.raises(UndecodableImageError):
        decode_image(many, "a.tif")
    assert caplog.messages == []
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(many)).load()
    assert "More samples per pixel" in caplog.text  # Pillow's own log is as it was
