"""What other stages wrote, read with care: columns are checked, no path leads out of its folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pandas as pd

from vital.errors import ArtefactError

Content = TypeVar("Content")


def optional(path: Path, read: Callable[[Path], Content]) -> Content | None:
    """What ``read`` makes of a file, or None where there is none."""
    return read(path) if path.exists() else None


def checked(table: pd.DataFrame, columns: Sequence[str], path: Path) -> pd.DataFrame:
    """The table of ``path``; raises ArtefactError when it lacks one of the columns."""
    for column in columns:
        if column not in table:
            raise ArtefactError(f"{path} has no column {column!r}: run the stage that writes it")
    return table


def named_path(folder: Path, relative: str) -> Path:
    """Where a table's path leads; the name is data, so it must not lead out of its folder.

    Links are not followed: DVC may link a file to its cache. Raises ArtefactError.
    """
    named = Path(relative)
    if named.anchor or ".." in named.parts:
        raise ArtefactError(f"a table of {folder} names {relative!r}, which lies outside of it")
    return folder / named


def named_file(folder: Path, relative: str) -> Path:
    """As :func:`named_path`; raises ArtefactError, too, when there is no such file."""
    path = named_path(folder, relative)
    if not path.is_file():
        raise ArtefactError(f"{path} does not exist, though a table names it")
    return path
