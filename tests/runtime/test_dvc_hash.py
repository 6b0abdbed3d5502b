"""The hashes are DVC's own."""

from __future__ import annotations

from pathlib import Path

from vital.runtime.dvc_hash import dvc_hash


def test_a_folder_has_the_hash_that_dvc_gives_it(tmp_path: Path) -> None:
    for name, text in {"a.txt": "one", "sub/b.txt": "two", "sub-c.txt": "x"}.items():
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_text(text)
    assert dvc_hash(tmp_path / "f") == "5c6265bcb29bb3ad585be4efb1bd9225.dir"


def test_a_file_has_the_md5_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    assert dvc_hash(tmp_path / "a.txt") == "f97c5d29941bfb1b2fdab0874906ab82"
    assert dvc_hash(tmp_path / "b.txt") == "missing"
