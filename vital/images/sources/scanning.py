"""What lies below a folder: each real folder once, regular files only, and no more than a bound."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from vital.errors import DataError
from vital.images.formats import SUFFIXES
from vital.images.sources.base import legible, natural_key
from vital.runtime.files import holds
from vital.runtime.folder_walk import FolderWalk

log = logging.getLogger(__name__)

MOST_ENTRIES = 50_000_000
"""So many files and folders are looked at: more than the largest collections of images have."""

MOST_OTHERS = 2_000_000
"""So many files that are no images may lie below any folder."""

_OTHERS_PER_IMAGE = 10
"""So many of them there may be to an image, below a folder that has more."""

MOST_CLASSES = 100_000
"""So many subfolders, one for each class, are more than any network tells apart."""

_SPECIAL = "pipes, sockets and devices"
_SHOWN = 6
_ADVICE = "give the folder that has a subfolder of images for each class"


class ImageSieve:
    """Tells images by their endings, and counts what else there is by its own."""

    def __init__(self) -> None:
        self.others: Counter[str] = Counter()

    def is_image(self, name: str) -> bool:
        """Whether a file of this name is taken for an image; it is counted if not."""
        ending = PurePath(name).suffix.lower()
        if ending in SUFFIXES:
            return True
        self.others[ending or "without an ending"] += 1
        return False

    def report(self, place: Path) -> None:
        """Say how many files are not taken for images, if there are any."""
        if self.others:
            log.warning("%s: %s", place, describe_others(self.others))


def describe_others(others: Mapping[str, int]) -> str:
    """How many files are no images, the most frequent endings first."""
    ranked = sorted(others.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{legible(name)} {count}" for name, count in ranked[:_SHOWN]]
    rest = sum(count for _, count in ranked[_SHOWN:])
    total = sum(others.values())
    files = "1 file is no image" if total == 1 else f"{total} files are no images"
    return f"{files} that can be read: {', '.join([*shown, *([f'others {rest}'] if rest else [])])}"


def subfolders(folder: Path) -> list[str]:
    """The names of the subfolders of ``folder``, hidden ones left out, as people count.

    Raises DataError when the folder does not exist or cannot be read, or has too many.
    """
    _check_folder(folder)
    names = [entry.name for entry in _entries(folder) if holds(entry.is_dir)]
    shown = [name for name in names if not name.startswith(".")]
    if len(shown) > MOST_CLASSES:
        raise DataError(
            f"{folder} has {len(shown):,} subfolders, too many to be classes; {_ADVICE}"
        )
    return sorted(shown, key=natural_key)


def scan_folder(root: Path) -> list[str]:
    """Paths of the images below ``root``, relative to it, hidden ones left out, as people count.

    Links are followed, but no folder is read twice, nor one that holds ``root``: what lies below
    ``root`` by itself comes first, then what links lead to. Raises DataError for a folder that is
    not there or cannot be read, and for a place that is no collection of images, as "/" is none.
    """
    _check_folder(root)
    images: list[str] = []
    sieve, walk = ImageSieve(), _Scan(root)
    for names in walk.files():
        images += filter(sieve.is_image, names)
        _check_bounds(root, len(images), sieve.others.total(), walk.entries)
    if walk.special:
        sieve.others[_SPECIAL] = walk.special
    sieve.report(root)
    return sorted(images, key=natural_key)


def refuse_circles(root: Path) -> None:
    """Raise DataError if links below ``root`` lead to a folder that holds them, or is read anyhow.

    That is for readers that follow every link, as :func:`scan_folder` does not.
    """
    _check_folder(root)
    walk = _Scan(root)
    for _ in walk.files():
        _check_bounds(root, walk.entries, 0, walk.entries)
    if walk.repeated:
        raise DataError(f"{legible(walk.repeated[0])} leads to a folder that is read anyhow")


def _check_folder(folder: Path) -> None:
    if not holds(folder.is_dir):
        is_home = str(folder).startswith("~")
        raise DataError(f"{folder} is not a folder{'; write its path in full' * is_home}")
    if os.path.ismount(folder) and folder.resolve().parent == folder.resolve():
        raise DataError(f"{folder} is the whole file system; {_ADVICE}")


def _check_bounds(root: Path, images: int, others: int, entries: int) -> None:
    if others > MOST_OTHERS and others > _OTHERS_PER_IMAGE * images:
        raise DataError(
            f"{root} is no collection of images: of the first {images + others:,} files, "
            f"{images or 'none'} are images; {_ADVICE}"
        )
    if entries > MOST_ENTRIES:
        raise DataError(f"{root} has more than {MOST_ENTRIES:,} files and folders; {_ADVICE}")


class _Scan(FolderWalk):
    """A walk that counts, says what it leaves out, and ends at what cannot be read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, natural_key, hidden=False)
        self.entries = 0
        self.special = 0
        self.repeated: list[str] = []

    def files(self) -> Iterator[list[str]]:
        """The names of the files of one folder after the other, relative to the first."""
        for _, entries in self:
            self.entries += 1
            plain = [one.path for one in entries if not holds(one.is_dir) and self._is_plain(one)]
            yield [path[len(self.root) + 1 :] for path in plain]

    def left_out(self, folder: str, first: str) -> None:
        self.entries += 1
        self.repeated.append(folder)
        log.warning(
            "%s is left out: it is the folder %s, which is read by itself",
            legible(folder), legible(first),
        )  # fmt: skip

    def unreadable(self, folder: str, error: OSError) -> None:
        raise _unreadable(folder, error) from None

    def _is_plain(self, entry: os.DirEntry[str]) -> bool:
        """Whether it is a file; a link to nothing counts as one, and is named if it is drawn."""
        self.entries += 1
        is_plain = holds(entry.is_file) or not holds(Path(entry.path).exists)
        self.special += not is_plain
        return is_plain


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise _unreadable(str(folder), error) from None


def _unreadable(folder: str, error: OSError) -> DataError:
    return DataError(f"the folder {legible(folder)} cannot be read ({error.strerror})")
