"""What lies in a folder."""

from __future__ import annotations

from pathlib import Path


def files_below(place: Path) -> dict[str, bytes]:
    """The bytes of every file below a folder by its path from there; ``.`` is a file itself."""
    paths = [place] if place.is_file() else sorted(place.rglob("*"))
    return {
        path.relative_to(place).as_posix(): path.read_bytes() for path in paths if path.is_file()
    }
