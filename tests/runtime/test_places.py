"""Where paths lead, against what the operating system says of them."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from vital.runtime.places import Trail, decisive, links_among, links_below


def tree(root: Path) -> Path:
    """Folders and links that lead up, down, round in circles and to nothing."""
    for name in ("a/b/c", "d/e", "f"):
        (root / name).mkdir(parents=True)
    links = {"a/up": "..", "d/down": "../a/b", "f/abs": str(root / "d/down"), "f/to": "abs/c"}
    for name, target in {**links, "a/loop": "loop", "f/gone": "../nowhere/at/all"}.items():
        (root / name).symlink_to(target)
    (root / "a/b/c/file").touch()
    (root / "d/file").symlink_to("down/c/file")
    return root


@pytest.mark.parametrize("seed", range(3))
def test_a_trail_ends_where_the_system_says(tmp_path: Path, seed: int) -> None:
    root = tree(tmp_path.resolve())
    draws = random.Random(seed)
    names = ["a", "b", "c", "d", "e", "f", "up", "down", "abs", "to", "..", "gone", "file", "new"]
    for _ in range(300):
        path = root / "/".join(draws.choices(names, k=draws.randint(1, 6)))
        trail, real = Trail(path), Path(os.path.realpath(path))
        assert real in trail.end
        for folder in ("a", "a/b", "d", "d/down", "f"):
            inside = real.is_relative_to(os.path.realpath(root / folder))
            assert trail.lies_in(Trail(root / folder)) >= inside, (path, folder)
            itself = root / folder
            own = Path(os.path.realpath(itself.parent), itself.name)
            holds = real in own.parents or real in Path(os.path.realpath(itself)).parents
            assert trail.holds(Trail(itself)) == holds, (path, folder)


def test_a_link_lies_where_it_stands_too(tmp_path: Path) -> None:
    """Whoever deletes the folder deletes the link, and the path leads nowhere."""
    root = tree(tmp_path)
    assert Trail(root / "f/to/file").lies_in(Trail(root / "f"))
    assert Trail(root / "f/to/file").lies_in(Trail(root / "d"))
    assert Trail(root / "f/to/file").lies_in(Trail(root / "a/b"))
    assert not Trail(root / "d/file").lies_in(Trail(root / "f"))


def test_dots_leave_a_folder_again(tmp_path: Path) -> None:
    root = tree(tmp_path)
    assert not Trail(root / "a/b/../../d/e").lies_in(Trail(root / "a"))
    assert Trail(root / "d/down/../b").lies_in(Trail(root / "a"))
    assert Trail(root / "missing/../a").lies_in(Trail(root / "a"))


def test_a_folder_has_one_identity_under_all_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where ``A`` and ``a`` are one folder: what the system calls equal is equal."""
    root = tree(tmp_path)
    plain = Path.stat

    def careless(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if root in path.parents:
            path = root / path.relative_to(root).as_posix().lower()
        return plain(path, follow_symlinks=follow_symlinks)

    assert not Trail(root / "A/B/new").lies_in(Trail(root / "a/b"))
    monkeypatch.setattr(Path, "stat", careless)
    assert Trail(root / "A/B/new").lies_in(Trail(root / "a/b"))


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "a/loop/x", ""])
def test_names_that_cannot_be(tmp_path: Path, name: str) -> None:
    assert not Trail(tree(tmp_path) / name).lies_in(Trail(tmp_path / "d"))


def test_links_below_a_folder_are_each_found_once(tmp_path: Path) -> None:
    root = tree(tmp_path)
    (root / ".hidden").symlink_to("a")
    found = [str(Path(path).relative_to(root)) for path in links_below(root)]
    assert {"a/up", "a/loop", "d/down", "d/file", "f/abs", "f/to", "f/gone"} <= set(found)
    places = {(Path(root, one).parent.stat().st_ino, Path(one).name) for one in found}
    assert len(places) == len(found)
    assert ".hidden" not in found
    assert list(links_below(root / "missing")) == []


def test_links_among_files(tmp_path: Path) -> None:
    root = tree(tmp_path)
    assert links_among(root / "d", {"file", "e", "other"}) == [str(root / "d/file")]


def test_links_to_files_of_one_folder_share_their_fate(tmp_path: Path) -> None:
    root = tree(tmp_path)
    assert Path(decisive(str(root / "d/file"))) == root / "d/down/c"
    for name in ("f/to", "f/gone", "a/loop", "a/b"):
        assert decisive(str(root / name)) == str(root / name)
