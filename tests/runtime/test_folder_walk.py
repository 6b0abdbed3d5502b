"""Every real folder is walked once, by the same name wherever it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vital.runtime.folder_walk import FolderWalk


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two folders in a folder, one of them hidden, and a folder elsewhere."""
    for place in ("root/a/b", "root/.hidden", "elsewhere/c"):
        (tmp_path / place).mkdir(parents=True)
    return tmp_path / "root"


def walked(root: Path, *, hidden: bool = True) -> list[str]:
    return sorted(os.path.relpath(folder, root) for folder, _ in FolderWalk(root, hidden=hidden))


def test_hidden_folders_are_left_out_where_that_is_asked_for(root: Path) -> None:
    assert walked(root) == [".", ".hidden", "a", "a/b"]
    assert walked(root, hidden=False) == [".", "a", "a/b"]


@pytest.mark.parametrize("target", [".", "..", "../..", "/", "b", "itself", "nothing"])
def test_no_link_leads_anywhere_twice(root: Path, target: str) -> None:
    (root / "a" / "itself").symlink_to(target)
    assert walked(root, hidden=False) == [".", "a", "a/b"]


def test_what_links_lead_to_has_the_first_of_its_names(root: Path) -> None:
    for name in ("z", "y", "a/x"):
        (root / name).symlink_to(root.parent / "elsewhere")
    assert walked(root, hidden=False) == [".", "a", "a/b", "a/x", "a/x/c"]


def test_the_order_of_names_can_be_chosen(root: Path) -> None:
    for name in ("10", "9"):
        (root / name).symlink_to(root.parent / "elsewhere")
    by_number = FolderWalk(root, lambda path: int(Path(path).name), hidden=False)
    assert str(root / "9") in [folder for folder, _ in by_number]
    assert "10" in walked(root, hidden=False)


def test_what_cannot_be_read_is_told(root: Path) -> None:
    told = []

    class Telling(FolderWalk):
        def unreadable(self, folder: str, error: OSError) -> None:
            told.append((folder, type(error)))

    assert list(Telling(root / "missing")) == []
    assert told == [(str(root / "missing"), FileNotFoundError)]


def test_a_link_in_circles_is_no_folder(root: Path) -> None:
    (root / "circle").symlink_to("circle")
    assert walked(root) == [".", ".hidden", "a", "a/b"]
