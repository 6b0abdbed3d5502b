"""Digests are of content alone; what is the same is not read again."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from vital.runtime import file_digests
from vital.runtime.file_digests import FileDigests, remembered_digests

LONG_AGO = 1_600_000_000


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder of two classes, all files old enough to be known by their times."""
    folder = tmp_path / "photographs"
    for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/notes.txt"):
        write(folder / name, name)
    return folder


def write(path: Path, text: str, time: int = LONG_AGO) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time, time))


def digest(memo: Path, folder: Path) -> str | None:
    with remembered_digests(memo) as digests:
        found = digests.digest([("", folder)])
    return None if found is None else found.sha256


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were read, by their last two parts."""
    names: list[str] = []
    read = file_digests._read

    def noting(file: file_digests._Seen) -> str:
        names.append("/".join(Path(file.path).parts[-2:]))
        return read(file)

    monkeypatch.setattr(file_digests, "_read", noting)
    return names


def test_unchanged_files_are_not_read_again(
    tmp_path: Path, photographs: Path, reads: list[str]
) -> None:
    memo = tmp_path / "memo.json"
    first = digest(memo, photographs)
    assert len(reads) == 4
    kept = memo.read_bytes()
    assert digest(memo, photographs) == first
    assert len(reads) == 4
    assert memo.read_bytes() == kept


def test_a_replaced_file_is_read_and_named(
    tmp_path: Path, photographs: Path, reads: list[str]
) -> None:
    memo = tmp_path / "memo.json"
    first = digest(memo, photographs)
    reads.clear()
    write(photographs / "cat" / "2.png", "another", LONG_AGO + 1)
    with remembered_digests(memo) as digests:
        found = digests.digest([("photos", photographs)])
    assert found is not None
    assert found.sha256 != first
    assert reads == ["cat/2.png"]


def test_changed_files_are_named(tmp_path: Path, photographs: Path) -> None:
    digests = FileDigests(tmp_path / "memo.json")
    assert digests.digest([("photos", photographs)]).changed == ()  # type: ignore[union-attr]
    write(photographs / "cat" / "2.png", "another", LONG_AGO + 1)
    again = digests.digest([("photos", photographs)])
    assert again is not None and again.changed == ("photos/cat/2.png",)


def test_place_and_time_have_no_part_in_it(tmp_path: Path, photographs: Path) -> None:
    other = tmp_path / "elsewhere" / "copy"
    shutil.copytree(photographs, other)
    os.utime(other / "cat" / "1.png", (LONG_AGO + 5, LONG_AGO + 5))
    assert digest(tmp_path / "a.json", photographs) == digest(tmp_path / "b.json", other)


@pytest.mark.parametrize("change", ["content", "name", "added", "removed"])
def test_every_change_changes_it(tmp_path: Path, photographs: Path, change: str) -> None:
    memo = tmp_path / "memo.json"
    before = digest(memo, photographs)
    if change == "content":
        write(photographs / "cat" / "1.png", "other!!!!", LONG_AGO + 1)
    elif change == "name":
        (photographs / "cat" / "1.png").rename(photographs / "cat" / "3.png")
    elif change == "added":
        write(photographs / "cat" / "3.png", "new")
    else:
        (photographs / "cat" / "1.png").unlink()
    assert digest(memo, photographs) != before


def test_a_file_that_has_just_changed_is_not_trusted(
    tmp_path: Path, photographs: Path, reads: list[str]
) -> None:
    (photographs / "cat" / "1.png").write_text("now")
    digest(tmp_path / "memo.json", photographs)
    reads.clear()
    digest(tmp_path / "memo.json", photographs)
    assert reads == ["cat/1.png"]


def test_loops_of_links_and_special_files_are_passed_over(
    tmp_path: Path, photographs: Path, reads: list[str]
) -> None:
    before = digest(tmp_path / "a.json", photographs)
    reads.clear()
    (photographs / "cat" / "up").symlink_to(photographs)
    os.mkfifo(photographs / "cat" / "pipe")
    (photographs / "cat" / "nowhere").symlink_to(tmp_path / "gone")
    assert digest(tmp_path / "b.json", photographs) == before
    assert len(reads) == 4


def test_other_names_of_a_folder_are_no_other_files(tmp_path: Path, photographs: Path) -> None:
    before = digest(tmp_path / "a.json", photographs)
    for name in ("0", "cow", "z"):
        (photographs / name).symlink_to("cat")
    (photographs / "dog" / "above").symlink_to("../..")
    assert digest(tmp_path / "b.json", photographs) == before


def test_what_is_not_there_has_none(tmp_path: Path) -> None:
    assert digest(tmp_path / "memo.json", tmp_path / "gone") is None


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"x": 1}', '{"x": [1]}', "\xff"])
def test_a_damaged_memo_is_not_used(tmp_path: Path, photographs: Path, damage: str) -> None:
    memo = tmp_path / "memo.json"
    first = digest(memo, photographs)
    memo.write_text(damage)
    assert digest(memo, photographs) == first
    assert len(json.loads(memo.read_text())) == 4


def test_what_was_read_before_a_stop_is_kept(
    tmp_path: Path, photographs: Path, monkeypatch: pytest.MonkeyPatch, reads: list[str]
) -> None:
    noting = file_digests._read

    def stopping(file: file_digests._Seen) -> str:
        if "dog" in file.path:
            raise KeyboardInterrupt
        return noting(file)

    monkeypatch.setattr(file_digests, "_read", stopping)
    with pytest.raises(KeyboardInterrupt):
        digest(tmp_path / "memo.json", photographs)
    monkeypatch.setattr(file_digests, "_read", noting)
    reads.clear()
    digest(tmp_path / "memo.json", photographs)
    assert sorted(reads) == ["dog/1.png", "dog/notes.txt"]
