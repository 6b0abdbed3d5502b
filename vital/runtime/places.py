"""Where paths really lead: through which folders and links, whatever they are called."""

# A hundred thousand links as Paths would take seconds.
# ruff: noqa: PTH115, PTH118, PTH120

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path

from vital.runtime.folder_walk import FolderWalk

Key = Path | tuple[int, int]
"""What tells a place: its path, and its device and number, which it has under every name."""

_MOST_LINKS = 40
"""As many as Linux follows in one path."""


class Trail:
    """A path that may not exist, with the places that it leads through, links one by one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places = list(_lead_through(path))

    @cached_property
    def passed(self) -> frozenset[Key]:
        """All places: the end, and every folder and link on the way."""
        return frozenset(key for place in self._places for key in _keys(place))

    @cached_property
    def end(self) -> frozenset[Key]:
        """What the path is in the end, when every link is followed."""
        return frozenset(_keys(self._places[-1]))

    @cached_property
    def own(self) -> frozenset[Key]:
        """The path itself: where it ends and, if it is a link, the link."""
        itself = Trail(self.path.parent)._places[-1] / self.path.name
        return self.end | frozenset(_keys(itself))

    @cached_property
    def above(self) -> frozenset[Key]:
        """The folders that hold it."""
        return frozenset(key for place in self._places[:-1] for key in _keys(place)) - self.own

    def lies_in(self, folder: Trail) -> bool:
        """Whether the path leads through the folder, or to it."""
        return not self.passed.isdisjoint(folder.own)

    def holds(self, other: Trail) -> bool:
        """Whether it is a folder that ``other`` lies in."""
        return not self.end.isdisjoint(other.above)


def _lead_through(path: Path) -> Iterator[Path]:
    """Each place by its real folder; a folder that ``..`` leaves again does not count."""
    absolute = path.absolute()
    passed = [Path(absolute.anchor)]
    links, todo = 0, list(reversed(absolute.parts[1:]))
    here = passed[0]
    while todo:
        part = todo.pop()
        if part == os.pardir:
            if passed[-1] == here and len(passed) > 1:
                passed.pop()
            here = here.parent
            continue
        passed.append(here / part)
        target = _link_target(passed[-1]) if links < _MOST_LINKS else None
        if target is None:
            here = passed[-1]
            continue
        links += 1
        todo.extend(reversed(target.parts[1:] if target.is_absolute() else target.parts))
        here = Path(target.anchor) if target.is_absolute() else here
    return iter((*passed, here))


def _link_target(path: Path) -> Path | None:
    try:
        return path.readlink()
    except (OSError, ValueError):  # no link, or no path that could exist
        return None


def _keys(path: Path) -> Iterator[Key]:
    yield path
    try:
        status = path.stat()
    except (OSError, ValueError):
        return
    yield status.st_dev, status.st_ino


def links_below(folder: Path) -> Iterator[str]:
    """The links in a folder and in what they lead to, hidden ones left out; each folder once."""
    for _, entries in FolderWalk(folder, hidden=False):
        yield from sorted(entry.path for entry in entries if entry.is_symlink())


def links_among(folder: Path, names: Collection[str]) -> list[str]:
    """Those of the files of these names in a folder that are links."""
    try:
        with os.scandir(folder) as entries:
            return sorted(one.path for one in entries if one.is_symlink() and one.name in names)
    except (OSError, ValueError):
        return []


def decisive(link: str) -> str:
    """What decides where a link leads: it, or the folder of the plain file that it leads to.

    Of a hundred thousand links to files of one folder, that is one place instead of as many.
    """
    folder = os.path.dirname(link)
    try:
        led = os.path.join(folder, os.readlink(link))
        is_plain = stat.S_ISREG(os.lstat(led).st_mode)
    except (OSError, ValueError):
        return link
    return os.path.dirname(led) if is_plain else link
