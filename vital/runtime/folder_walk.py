"""Every real folder at or below a folder, once, whatever links lie there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from vital.runtime.files import holds

Identity = tuple[int, int]
"""A folder's device and inode, which it has under every name."""


class FolderWalk:
    """The folders at and below ``root``, each with what it holds.

    Links are followed, but no folder is read twice, nor one that holds ``root``: folders that lie
    there by themselves come first, then what links lead to, by the ``order`` of their paths. So a
    folder's name is the same on every machine. Without ``hidden`` what begins with a dot is as if
    it were not there.
    """

    def __init__(
        self, root: Path, order: Callable[[str], Any] = str, *, hidden: bool = True
    ) -> None:
        self.root = str(root)
        self._order = order
        self._hidden = hidden
        # A link to what holds the root leads round in circles.
        above = [str(one) for one in root.resolve().parents if one.exists()]
        self._read = {_identity(one): one for one in above}

    def __iter__(self) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
        folders, links = [self.root], list[tuple[Any, str]]()
        while folders or links:
            folder = folders.pop() if folders else heappop(links)[1]
            entries = self._enter(folder)
            if entries is None:
                continue
            yield folder, entries
            for entry in entries:
                if not holds(entry.is_dir):
                    continue
                if entry.is_symlink():
                    heappush(links, (self._order(entry.path), entry.path))
                else:
                    folders.append(entry.path)

    def left_out(self, folder: str, first: str) -> None:
        """What to do about a folder that was read under another name: nothing."""

    def unreadable(self, folder: str, error: OSError) -> None:
        """What to do about a folder that cannot be read: nothing."""

    def _enter(self, folder: str) -> list[os.DirEntry[str]] | None:
        """What a folder holds; None where it was read before, or cannot be."""
        try:
            first = self._read.setdefault(_identity(folder), folder)
            if first is not folder:
                self.left_out(folder, first)
                return None
            with os.scandir(folder) as entries:
                return [one for one in entries if self._hidden or not one.name.startswith(".")]
        except OSError as error:
            self.unreadable(folder, error)
            return None


def _identity(folder: str) -> Identity:
    found = Path(folder).stat()
    return found.st_dev, found.st_ino
