"""Shards of WebDataset."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.own_images import (
    encoded,
    noise,
    write_shards,
    write_tar,
)
from helpers.sources import FILES, found, pool_of
from vital.errors import DataError


def test_shards_have_the_splits_of_their_info_file(tmp_path: Path) -> None:
    write_shards(tmp_path, FILES)
    splits = {
        name: {"name": name, "filenames": [f"part-{i}.tar"], "shard_lengths": [1], "num_samples": 1}
        for i, name in enumerate(("train", "val"))
    }
    (tmp_path / "_info.json").write_text(json.dumps({"splits": splits}))
    every = list(FILES.values())
    shown = {
        split: {
            content
            for part in found(pool_of(f"wds/{tmp_path}", split)).values()
            for content in part
        }
        for split in (None, "val", "part-{0..1}.tar")
    }
    assert shown[None] == set(every[::2])
    assert shown["val"] == set(every[1::2])
    assert shown["part-{0..1}.tar"] == set(every)
    with pytest.raises(DataError, match="no split 'test'"):
        pool_of(f"wds/{tmp_path}", "test")


def test_shards_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        pool_of(f"wds/{tmp_path}/nowhere")
    with pytest.raises(DataError, match="holds no shards"):
        pool_of(f"wds/{tmp_path}")
    write_tar(tmp_path / "a.tar", {"1.png": encoded(noise(1))})
    with pytest.raises(DataError, match=r"a\.tar/1 has no \.cls file.*data\.columns\.label"):
        found(pool_of(f"wds/{tmp_path}"))
    with pytest.raises(DataError, match=r"a\.tar/1 has no label 'name' in its \.json"):
        found(pool_of(f"wds/{tmp_path}", columns={"label": "name"}))
    with pytest.raises(DataError, match=r"b\.tar does not exist"):
        pool_of(f"wds/{tmp_path}", "b.tar")
    with pytest.raises(DataError, match="does not lie in it"):
        pool_of(f"wds/{tmp_path}", "../x/b.tar")
    whole = write_shards(tmp_path / "more", FILES) / "part-0.tar"
    whole.write_bytes(whole.read_bytes()[:3000])
    with pytest.raises(DataError, match=r"part-0\.tar is damaged"):
        found(pool_of(f"wds/{tmp_path / 'more'}"))


def test_samples_without_an_image_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_tar(tmp_path / "a.tar", {"1.cls": b"0", "2.cls": b"0", "2.png": b"2"})
    assert found(pool_of(f"wds/{tmp_path}")) == {"0": [b"2"]}
    assert "1 samples have no image" in caplog.text
