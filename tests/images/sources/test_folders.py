"""Folders of images, one folder for each class."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from helpers.image_sources import found, pool_of
from helpers.own_images import encoded, noise, write_files
from vital.errors import DataError


def test_folders_are_in_the_order_in_which_people_count(tmp_path: Path) -> None:
    names = ["10", "9", "b2", "B10", "a"]
    write_files(tmp_path, {f"{name}/x.png": encoded(noise(1)) for name in names})
    pool = pool_of(tmp_path)
    assert list(pool.members) == ["9", "10", "a", "b2", "B10"]


def test_images_of_nested_folders_are_of_the_first(tmp_path: Path) -> None:
    files = {
        "cat/day/1.PNG": b"1",
        "cat/night/2.jpeg": b"2",
        "cat/notes.txt": b"",
        "dog/3.webp": b"",
    }
    write_files(tmp_path, files)
    pool = pool_of(tmp_path)
    assert {name: len(places) for name, places in pool.members.items()} == {"cat": 2, "dog": 1}
    assert pool.candidate(0).origin == "cat/day/1.PNG"


def test_what_belongs_to_no_class_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = {"stray.png": b"", "cat/1.png": b"1", ".git/2.png": b"", "cat/.thumbs/3.png": b""}
    write_files(tmp_path, files)
    assert found(pool_of(tmp_path)) == {"cat": [b"1"]}
    assert "1 images lie in no folder of a class" in caplog.text


def test_a_split_is_a_subfolder(tmp_path: Path) -> None:
    write_files(tmp_path, {"train/cat/1.png": b"1", "val/cat/2.png": b"2"})
    assert found(pool_of(tmp_path, "val")) == {"cat": [b"2"]}
    with pytest.raises(DataError, match=r"no split 'vall'; did you mean 'val'"):
        pool_of(tmp_path, "vall")
    with pytest.raises(DataError, match="no split"):
        pool_of(tmp_path / "train", "..")
    with pytest.raises(
        DataError, match=r"holds the splits train, val and no classes.*data\.splits"
    ):
        pool_of(tmp_path)


def test_folders_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere is not a folder"):
        pool_of(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no subfolders; it needs one for each class"):
        pool_of(tmp_path)


def test_names_that_are_not_unicode_are_legible(tmp_path: Path) -> None:
    write_files(tmp_path, {os.fsdecode(b"caf\xe9/\xff.png"): b"1"})
    pool = pool_of(tmp_path)
    assert found(pool) == {"caf\\xe9": [b"1"]}
    assert pool.candidate(0).origin == "caf\\xe9/\\xff.png"
