"""Images in a tar with a folder, or an inner tar, for each class."""

from __future__ import annotations

import logging
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from vital.errors import DataError
from vital.images.files import MOST_BYTES, UndecodableImageError, too_long
from vital.images.sources.base import (
    Candidate,
    IndexedPool,
    group_by_class,
    legible,
    natural_key,
    require_file,
)
from vital.images.sources.scanning import MOST_ENTRIES, ImageSieve

log = logging.getLogger(__name__)

_UNUSUAL = "links, files with gaps and devices"


@dataclass(frozen=True)
class _Member:
    """A file within a tar: its name, its class, and the bytes of the tar that are its content."""

    name: str
    class_name: str
    first: int
    size: int


def open_tar(path: Path, split: str | None = None) -> IndexedPool:
    """The images of a tar; the class of each is the folder, or the inner tar, that it lies in.

    Raises DataError when the file is missing, damaged or holds no images, and when a split is
    asked for: a tar has none.
    """
    if split is not None:
        raise DataError(f"{path} has no split {split!r}: a tar has none")
    require_file(path)
    images = _images(path)
    if not images:
        raise DataError(f"{path} holds no images")
    members = group_by_class([legible(image.class_name) for image in images], [])
    outside = members.pop("", [])
    if outside:
        log.warning("%s: %d images lie in no folder and are not used", path, len(outside))
    order = sorted(members, key=natural_key)
    return IndexedPool(
        {name: members[name] for name in order}, lambda number: _candidate(path, images[number])
    )


def _images(path: Path) -> list[_Member]:
    """All images of a tar and of the tars in it, as people count."""
    sieve = ImageSieve()
    try:
        with tarfile.open(path, "r:") as archive:
            images = list(_members(archive, sieve))
    except (tarfile.TarError, ValueError, EOFError, OSError, OverflowError):
        raise DataError(f"{path} is no tar, or a damaged one") from None
    sieve.report(path)
    return sorted(images, key=lambda image: natural_key(image.name)[0])


def _members(
    archive: tarfile.TarFile, sieve: ImageSieve, outer: tarfile.TarInfo | None = None
) -> Iterator[_Member]:
    """The images of inner tars, of which each stands for a folder; then the others."""
    start, folder = (outer.offset_data, Path(outer.name).stem) if outer else (0, "")
    plain = []
    for number, info in enumerate(archive):
        if number > MOST_ENTRIES:
            raise DataError(f"a tar of more than {MOST_ENTRIES:,} files is too long to be read")
        if info.isdir():
            continue
        if not info.isfile() or info.issparse():
            sieve.others[_UNUSUAL] += 1
        elif outer is None and info.name.lower().endswith(".tar"):
            with tarfile.open(fileobj=archive.extractfile(info), mode="r:") as inner:
                yield from _members(inner, sieve, info)
        elif sieve.is_image(info.name):
            class_name = _last_part(folder, PurePosixPath(info.name).parent)
            plain.append(_Member(info.name, class_name, start + info.offset_data, info.size))
    yield from plain


def _last_part(folder: str, within: PurePosixPath) -> str:
    parts = [part for part in within.parts if part != within.root]
    return parts[-1] if parts else folder


def _candidate(path: Path, image: _Member) -> Candidate:
    origin = legible(image.name)

    def read() -> bytes:
        if image.size > MOST_BYTES:
            raise UndecodableImageError(origin, too_long(image.size))
        try:
            with path.open("rb") as handle:
                handle.seek(image.first)
                content = handle.read(image.size)
        except OSError as error:
            raise UndecodableImageError(origin, f"cannot be read ({error.strerror})") from None
        if len(content) < image.size:
            raise UndecodableImageError(origin, "cannot be read (the tar ends before it)")
        return content

    return Candidate(origin, read)
