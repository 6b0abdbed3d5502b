"""Tars of images, one folder or inner tar for each class."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.image_sources import found, pool_of
from helpers.own_images import write_tar
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
