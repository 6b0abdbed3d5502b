"""What is found below a folder, whatever links, pipes and other files lie there."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from helpers.image_sources import pool_of
from helpers.own_images import contents, write_files
from vital.errors import DataError
from vital.images.files import UndecodableImageError
from vital.images.sources import scanning
from vital.images.sources.base import IndexedPool
from vital.images.sources.scanning import describe_others, scan_folder, subfolders

IMAGES = ["ant/0.png", "ant/1.png", "bee/0.png", "bee/1.png"]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return write_files(tmp_path / "photos", contents(("ant", "bee"), 2))


@pytest.mark.parametrize(
    ("place", "target"),
    [
        ("ant/up", ".."),
        ("ant/self", "."),
        ("ant/other", "../bee"),
        ("ant/above", "../.."),
        ("ant/everything", "/"),
        ("ant/itself", "itself"),
        ("ant/nowhere", "nothing"),
    ],
)
def test_links_lead_to_nothing_twice(photos: Path, place: str, target: str) -> None:
    (photos / place).symlink_to(target)
    assert scan_folder(photos) == IMAGES


def test_folders_that_link_to_each_other_are_read_once(photos: Path) -> None:
    (photos / "ant" / "b").symlink_to("../bee")
    (photos / "bee" / "a").symlink_to("../ant")
    assert scan_folder(photos) == IMAGES


def test_what_links_lead_to_is_read_where_it_lies_nowhere_else(
    photos: Path, tmp_path: Path
) -> None:
    write_files(tmp_path / "store", contents(("cow",), 2))
    (photos / "cow").symlink_to(tmp_path / "store" / "cow")
    (photos / "ant" / "2.png").symlink_to("../bee/0.png")
    (photos / "bee" / "again").symlink_to("../cow")  # as people count, it comes before photos/cow
    assert scan_folder(photos) == [
        "ant/0.png", "ant/1.png", "ant/2.png", "bee/0.png", "bee/1.png",
        "bee/again/0.png", "bee/again/1.png",
    ]  # fmt: skip


def test_a_link_that_is_left_out_is_named(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    (photos / "ant" / "up").symlink_to("..")
    scan_folder(photos)
    assert f"{photos}/ant/up is left out: it is the folder {photos}, which" in caplog.text


def test_a_folder_that_is_reached_by_a_link_is_read(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("photos")
    assert scan_folder(tmp_path / "link") == IMAGES


def test_pipes_sockets_and_devices_are_counted_and_never_opened(
    photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.mkfifo(photos / "ant" / "pipe.jpg")
    os.mkfifo(photos / "bee.jpg")
    (photos / "ant" / "zero.png").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(photos / "ant" / "s.jpg"))
        assert scan_folder(photos) == IMAGES
    assert "4 files are no images that can be read: pipes, sockets and devices 4" in caplog.text


def test_what_is_no_image_is_counted_by_its_ending(
    photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = {"ant/a.txt": b"", "b.TXT": b"", "bee/c.mp4": b"", "d": b"", ".hidden.txt": b""}
    write_files(photos, files)
    assert scan_folder(photos) == IMAGES
    assert caplog.messages == [
        f"{photos}: 4 files are no images that can be read: .txt 2, .mp4 1, without an ending 1"
    ]


def test_few_endings_are_named() -> None:
    text = describe_others({f".{letter}": 10 - place for place, letter in enumerate("abcdefgh")})
    assert text == (
        "52 files are no images that can be read: .a 10, .b 9, .c 8, .d 7, .e 6, .f 5, others 7"
    )


def test_a_link_to_nothing_is_named_when_it_is_drawn(photos: Path) -> None:
    (photos / "ant" / "2.png").symlink_to("nothing.png")
    pool = pool_of(photos)
    assert isinstance(pool, IndexedPool)
    for place in pool.members["ant"][:2]:
        pool.candidate(place).read()
    with pytest.raises(UndecodableImageError, match=r"ant/2\.png: the file does not exist"):
        pool.candidate(pool.members["ant"][2]).read()


def test_a_place_with_hardly_any_images_is_refused(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "MOST_OTHERS", 30)
    write_files(photos, {f"ant/{number}.txt": b"" for number in range(30)})
    assert scan_folder(photos) == IMAGES
    write_files(photos, {f"bee/{number}.txt": b"" for number in range(30)})
    with pytest.raises(DataError, match=r"no collection of images: .* give the folder that has"):
        scan_folder(photos)


def test_an_image_may_have_notes_beside_it(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "MOST_OTHERS", 30)
    for name in ("ant", "bee"):
        write_files(photos, {f"{name}/{number}.txt": b"" for number in range(20)})
    assert scan_folder(photos) == IMAGES


def test_entries_are_bounded(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "MOST_ENTRIES", 3)
    with pytest.raises(DataError, match="more than 3 files and folders"):
        scan_folder(photos)


def test_classes_are_bounded(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "MOST_CLASSES", 1)
    with pytest.raises(DataError, match="2 subfolders, too many to be classes"):
        subfolders(photos)


def test_a_folder_that_may_not_be_read_is_named(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(folder: str) -> object:
        if str(folder).endswith("bee"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"the folder .*/bee cannot be read \(Permission denied\)"):
        scan_folder(photos)
