"""Images, folders and data sets that cannot be used: each is refused in words of our own."""

from __future__ import annotations

import json
import os
import struct
import tarfile
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.image_sources import found, pool_of, write_table
from helpers.messages import LONGEST, one_line
from helpers.own_images import broken_files, contents, encoded, noise, write_files, write_tar
from helpers.prepared_images import prepare
from vital.artefacts.manifest import read_skipped
from vital.errors import DataError, VitalError
from vital.images.files import UndecodableImageError, read_image

ADVICE = ("upgrade", " 0x", "pip install datasets")
"""Further words of other libraries' messages."""

Make = Callable[[Path], object]


def holes(path: Path, size: int) -> None:
    with path.open("wb") as handle:
        handle.truncate(size)


def bomb(path: Path) -> None:
    """A bitmap whose header says that it has 60000 x 60000 pixels."""
    content = encoded(noise(1), "BMP")
    side = (60_000).to_bytes(4, "little")
    path.write_bytes(content[:18] + side + side + content[26:])


def vast(path: Path) -> None:
    """A PNG whose header says that it has 20000 x 9000 pixels, just above the bound."""
    content = encoded(noise(1))
    header = b"IHDR" + struct.pack(">II", 20_000, 9_000) + content[24:29]
    checksum = struct.pack(">I", zlib.crc32(header))
    path.write_bytes(content[:12] + header + checksum + content[33:])


def values(kind: type, *numbers: float) -> Make:
    return lambda path: Image.fromarray(np.array([numbers], kind)).save(path, "TIFF")


FILES: dict[str, tuple[Make, str]] = {
    "nothing": (lambda _path: None, "does not exist"),
    "folder": (Path.mkdir, "no file but a folder"),
    "pipe": (os.mkfifo, "no file but a pipe"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "no file but a device"),
    "link to itself": (lambda path: path.symlink_to(path), "cannot be read"),
    "a terabyte": (lambda path: holes(path, 2**40), "1,099,511,627,776 bytes"),
    "3.6 billion pixels": (bomb, "more than 178,956,970 pixels"),
    "180 million pixels": (vast, "more than 178,956,970 pixels"),
    "EPS": (lambda path: noise(1).save(path, "EPS"), "not an image"),
    "icon": (lambda path: noise(1).save(path, "ICO"), "not an image"),
    "PDF": (lambda path: noise(1).save(path, "PDF"), "not an image"),
    "TGA by another name": (lambda path: noise(1).save(path, "TGA"), "not an image"),
    "not a number": (values(np.float32, 0.5, np.nan), "not finite"),
    "infinity": (values(np.float32, 0.5, np.inf), "not finite"),
    "tomography": (values(np.int32, -1000, 3000), "outside of 0 to 65535"),
    "32 bits": (values(np.int32, 0, 2**31 - 1), "outside of 0 to 65535"),
    "which white": (values(np.float32, 0, 200), "is white 1, 255 or 65535"),
    **{
        name: (lambda path, data=data: path.write_bytes(data), "not an image|cannot be decoded")
        for name, data in broken_files().items()
    },
}


def refused(
    make: Callable[[], object],
    words: str,
    kind: type[VitalError] = DataError,
    longest: int = LONGEST,
) -> str:
    """The message, which has these words, one line and nobody else's advice."""
    with pytest.raises(kind, match=words) as error:
        make()
    return one_line(error.value, *ADVICE, longest=longest)


@pytest.mark.parametrize("name", FILES)
def test_a_bad_file_is_named_with_a_reason(name: str, tmp_path: Path) -> None:
    make, words = FILES[name]
    make(tmp_path / "a.png")
    message = refused(lambda: read_image(tmp_path / "a.png"), words, UndecodableImageError)
    assert message.startswith(f"{tmp_path}/a.png: ")


def test_a_bad_file_is_skipped_with_its_reason(tmp_path: Path) -> None:
    photos = write_files(tmp_path / "photos", contents(("ant",), 9))
    kept = [name for name in FILES if name not in ("nothing", "folder", "pipe", "device")]
    for number, name in enumerate(kept):
        FILES[name][0](photos / "ant" / f"bad {number}.png")
    os.mkfifo(photos / "ant" / "pipe.png")
    (photos / "ant" / "device.png").symlink_to("/dev/zero")
    assert len(prepare(photos, tmp_path / "images", seed=3)) == 9
    skipped = read_skipped(tmp_path / "images")
    assert 0 < len(skipped) <= len(kept)
    assert skipped["source"].str.startswith("ant/bad ").all()


@pytest.mark.parametrize("name", ["x" * 300, "a\0b", "a/" * 3000])
def test_no_file_can_have_the_name(name: str, tmp_path: Path) -> None:
    words, longest = "cannot be read|no file can", len(name) + LONGEST
    refused(lambda: read_image(tmp_path / name), words, UndecodableImageError, longest)
    refused(lambda: pool_of(tmp_path / name), "is not a folder", longest=longest)


def loop(folder: Path) -> None:
    (folder / "ant" / "up").symlink_to("..")
    (folder / "bee" / "up").symlink_to("../..")


def cross(folder: Path) -> None:
    (folder / "ant" / "bee").symlink_to("../bee")
    (folder / "bee" / "ant").symlink_to("../ant")


@pytest.mark.parametrize("link", [loop, cross])
@pytest.mark.parametrize("kind", ["", "torch/image_folder"])
def test_links_in_circles_count_each_photograph_once(
    link: Callable[[Path], None], kind: str, tmp_path: Path
) -> None:
    photos = write_files(tmp_path / "photos", contents(("ant", "bee"), 2))
    link(photos)
    options = {"root": str(photos)} if kind else {}
    counts = {name: len(one) for name, one in found(pool_of(kind or photos, **options)).items()}
    assert counts == {"ant": 2, "bee": 2}


SOURCES: dict[str, tuple[object, str]] = {
    "the file system": ("/", "whole file system; give the folder that has a subfolder"),
    "home": ("~/photos", "is not a folder; write its path in full"),
    "a device": ("/dev/zero", "is not a folder"),
    "no tar": ("/dev/null/a.tar", "does not exist"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_a_bad_source(name: str) -> None:
    source, words = SOURCES[name]
    refused(lambda: pool_of(source), words)


@pytest.mark.parametrize("ending", ["tar", "csv", "parquet"])
def test_a_source_that_is_a_pipe_is_not_opened(ending: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"a.{ending}")
    refused(lambda: pool_of(tmp_path / f"a.{ending}"), "is no file")


def test_a_row_that_names_a_pipe_is_skipped(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    pool = pool_of(write_table(tmp_path / "t.csv", [{"path": "a.png", "label": "ant"}]))
    refused(lambda: found(pool), "a.png: it is no file but a pipe", UndecodableImageError)


def test_a_row_that_names_what_no_file_can_be_called_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"path,label\na\0.png,x\n")
    refused(lambda: found(pool_of(tmp_path / "t.csv")), "no file can have", UndecodableImageError)


def test_two_folders_that_are_written_alike(tmp_path: Path) -> None:
    for name in (b"caf\xe9", rb"caf\xe9"):
        write_files(tmp_path, {f"{os.fsdecode(name)}/1.png": b""})
    refused(lambda: pool_of(tmp_path), "two subfolders that are both written")


TABLES: dict[str, tuple[bytes, str]] = {
    "t.csv": (b"path,label\n\xff.png,x\n", r"\(it is not UTF-8 text\)"),
    "q.csv": (b'path,label\n"a.png,x\n', "one of its quotes does not end"),
    "l.csv": (b"path,label\n" + b"a" * 200_000 + b",x\n", "not CSV"),
    "d.csv": (b"path,label,path\na,b,c\n", "2 columns named 'path'"),
    "t.parquet": (b"PAR1 and no more", r"\(it is not Parquet, or damaged\)"),
    "u.parquet": (b"", r"\(it is not Parquet, or damaged\)"),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_bad_table(name: str, tmp_path: Path) -> None:
    content, words = TABLES[name]
    (tmp_path / name).write_bytes(content)
    assert str(tmp_path / name) in refused(lambda: pool_of(tmp_path / name), words)


def test_bad_tars(tmp_path: Path) -> None:
    whole = write_tar(tmp_path / "whole.tar", contents(("ant",), 3)).read_bytes()
    noisy = np.random.default_rng(0).integers(0, 256, 5000, np.uint8).tobytes()
    bad = {
        "cut": whole[:700], "empty": b"", "text": b"no tar" * 200, "noise": noisy,
        "zeros": bytes(1024),
    }  # fmt: skip
    for name, content in bad.items():
        (tmp_path / f"{name}.tar").write_bytes(content)
        words = rf"{name}\.tar (is no tar, or a damaged one|holds no images)"
        refused(lambda name=name: pool_of(tmp_path / f"{name}.tar"), words)


def test_links_and_devices_in_a_tar_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind in (("1", tarfile.SYMTYPE), ("2", tarfile.FIFOTYPE), ("3", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(f"ant/{name}.png")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        for name in ("ant/4.png", "ant/notes.txt"):
            info = tarfile.TarInfo(name)
            info.size = 4
            archive.addfile(info, BytesIO(b"four"))
    assert found(pool_of(tmp_path / "a.tar")) == {"ant": [b"four"]}
    assert (
        "4 files are no images that can be read: links, files with gaps and devices 3, .txt 1"
        in (caplog.text)
    )


SHARDS: dict[str, tuple[str | None, object, str]] = {
    "a billion": ("part-{000000000..999999999}.tar", None, "more than 1,000,000 shards"),
    "2 to the 40": ("{a,b}" * 40 + ".tar", None, "more than 1,000,000 shards"),
    "braces": ("part-{0..3.tar", None, "braces of .* do not match"),
    "no split": ("test", {"splits": {"train": {"filenames": []}}}, "no split 'test'"),
    "no list": (None, [1, 2], "lists no splits"),
    "no files": (None, {"splits": {"train": {}}}, "lists no splits"),
    "not text": (None, {"splits": 3}, "lists no splits"),
    "no info": ("train", None, "has no split 'train'"),
}


@pytest.mark.parametrize("name", SHARDS)
def test_bad_shards(name: str, tmp_path: Path) -> None:
    pytest.importorskip("webdataset")
    split, info, words = SHARDS[name]
    write_tar(tmp_path / "a.tar", {"1.png": b"", "1.cls": b"0"})
    if info is not None:
        (tmp_path / "_info.json").write_text(json.dumps(info))
    refused(lambda: pool_of(f"wds/{tmp_path}", split), words)


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    pytest.importorskip("webdataset")
    (tmp_path / "a.tar").write_bytes(b"no tar" * 300)
    refused(lambda: found(pool_of(f"wds/{tmp_path}")), r"a\.tar is damaged, or no shard")


@pytest.mark.parametrize("name", ["mnist", "cifar10", "imagenet", "places365", "inaturalist"])
def test_torchvision_without_files(name: str, tmp_path: Path) -> None:
    words = f"{name} cannot be read from .*: its files are not there or damaged"
    refused(lambda: pool_of(f"torch/{name}", root=str(tmp_path)), words)


def test_imagenet_with_links_in_circles_is_refused_before_it_is_read(tmp_path: Path) -> None:
    write_files(tmp_path / "train", contents(("ant",), 1))
    for number in range(3):  # os.walk would follow 3 to the power of 40 paths
        (tmp_path / "train" / "ant" / f"up {number}").symlink_to("..")
    refused(
        lambda: pool_of("torch/imagenet", root=str(tmp_path)),
        "leads to a folder that is read anyhow",
    )
