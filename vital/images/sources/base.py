"""What every source gives: candidates, which can be drawn one by one or come by once."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from vital.errors import DataError
from vital.runtime.files import holds


@dataclass(frozen=True)
class Candidate:
    """An image that may be drawn.

    ``origin`` says where in its source it lies, and never where on this machine; ``read`` gives
    the undecoded content of a file or, where the source has none, an image.
    """

    origin: str
    read: Callable[[], bytes | Image.Image]


@dataclass(frozen=True)
class IndexedPool:
    """Images that can be had by number: the numbers of each class, in the source's order."""

    members: Mapping[str, Sequence[int]]
    candidate: Callable[[int], Candidate]


@dataclass(frozen=True)
class StreamedPool:
    """Images that come by once, each with the name of its class."""

    stream: Callable[[], Iterator[tuple[str, Candidate]]]


Pool = IndexedPool | StreamedPool


def group_by_class(names: Sequence[str], order: Sequence[str]) -> dict[str, list[int]]:
    """The places of each name in ``names``, for every class of ``order``, empty ones included."""
    members: dict[str, list[int]] = {name: [] for name in order}
    for place, name in enumerate(names):
        members.setdefault(name, []).append(place)
    return members


def require_file(path: Path) -> None:
    """Raise DataError unless ``path`` is a regular file, so that no pipe or device is opened."""
    if not holds(path.is_file):
        raise DataError(f"{path} {'is no file' if holds(path.exists) else 'does not exist'}")


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sorts names as people count, "9" before "10"; no two names are equal."""
    parts: list[str | int] = list(re.split("([0-9]+)", name.lower()))
    parts[1::2] = [int(number) for number in parts[1::2]]
    return parts, name


def legible(name: str) -> str:
    """A file's name as text that can be written anywhere, whatever bytes it is made of."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def require_extra(package: str, extra: str, source: str) -> None:
    """Raise DataError that says what to install when an optional package is missing."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:  # without an origin it is a folder of that name
        raise DataError(
            f"the source {source!r} needs the package {package}: pip install 'vital[{extra}]'"
        )
