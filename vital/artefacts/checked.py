"""What other stages wrote, read with care: columns are checked, no path leads out of its folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, RootModel

from vital.errors import ArtefactError, ParamsError
from vital.params.base import Block, check_block
from vital.runtime.files import read_json

Content = TypeVar("Content")
Root = TypeVar("Root")


def optional(path: Path, read: Callable[[Path], Content]) -> Content | None:
    """What ``read`` makes of a file, or None where there is none."""
    return read(path) if path.exists() else None


class Written(Block):
    """What a file holds; keys that nobody reads may be there, too."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class WrittenAs(RootModel[Root], Generic[Root]):
    """What a file holds that is no block of keys."""

    model_config = ConfigDict(frozen=True, strict=True)


def read_content(path: Path, kind: type[BaseModel]) -> Any:
    """A JSON file that another stage wrote, as plain data.

    Raises ArtefactError when it is missing, damaged, or holds something else than ``kind``.
    """
    content = read_json(path)
    check_content(content, path, kind)
    return content


def check_content(content: object, path: Path, kind: type[BaseModel]) -> None:
    """Raise ArtefactError, a line for each fault, unless a file's content is of this kind."""
    try:
        check_block(content, "", kind)
    except ParamsError as error:
        lines = [
            f"{path} is damaged: {line}; run the stage that writes it"
            for line in str(error).splitlines()
        ]
        raise ArtefactError("\n".join(lines)) from None


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
    if not isinstance(relative, str) or not relative:
        raise ArtefactError(f"a table of {folder} names {relative!r} where a file's name belongs")
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
