"""Tars of images, one folder or inner tar for each class."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.image_sources import found, pool_of
from helpers.own_images import encoded, noise, write_tar
from vital.errors import DataError


def test_a_tar_gives_every_kind_of_image_and_nothing_is_written(tmp_path: Path) -> None:
    pool = pool_of(write_tar(tmp_path / "a.tar", {"cat/1.webp": b"1", "cat/2.png": b"2"}))
    assert found(pool) == {"cat": [b"1", b"2"]}
    assert [path.name for path in tmp_path.iterdir()] == ["a.tar"]


def test_tars_that_cannot_be_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DataError, match="does not exist"):
        pool_of(tmp_path / "none.tar")
    (tmp_path / "text.tar").write_text("no tar")
    with pytest.raises(DataError, match=r"text\.tar is no tar, or a damaged one"):
        pool_of(tmp_path / "text.tar")
    write_tar(tmp_path / "flat.tar", {"1.png": b"1", "cat/2.png": b"2"})
    assert found(pool_of(tmp_path / "flat.tar")) == {"cat": [b"2"]}
    assert "1 images lie in no folder" in caplog.text
    with pytest.raises(DataError, match="a tar has none"):
        pool_of(tmp_path / "flat.tar", "train")


def test_members_are_found_wherever_they_lie(tmp_path: Path) -> None:
    """The content of an inner tar's files is a part of the outer one's; both are read by place."""
    whole = {number: encoded(noise(number)) for number in range(4)}
    inner = write_tar(
        tmp_path / "bee.tar", {"./1.png": whole[1], "night/2.png": whole[2], "notes.txt": b"-"}
    )
    files = {"./ant/0.png": whole[0], "x/bee.tar": inner.read_bytes(), "/ant/a/3.png": whole[3]}
    assert found(pool_of(write_tar(tmp_path / "a.tar", files))) == {
        "a": [whole[3]], "ant": [whole[0]], "bee": [whole[1]], "night": [whole[2]],
    }  # fmt: skip


def test_a_tar_that_has_changed_since_is_noticed(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {"ant/1.png": encoded(noise(1))})
    pool = pool_of(path)
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(DataError, match=r"ant/1\.png: cannot be read \(the tar ends before it"):
        found(pool)
    path.unlink()
    with pytest.raises(DataError, match=r"ant/1\.png: cannot be read"):
        found(pool)


def test_names_with_numbers_of_any_script_are_names(tmp_path: Path) -> None:
    files = {"m²/1.png": b"1", "m²/٣.png": b"3"}
    assert found(pool_of(write_tar(tmp_path / "a.tar", files))) == {"m²": [b"1", b"3"]}
