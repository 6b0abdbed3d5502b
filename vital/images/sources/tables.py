"""Images that a table lists: CSV or Parquet, with a path and a label in each row."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

import pyarrow as pa
import pyarrow.parquet as pq

from vital.errors import DataError, nearest
from vital.images.files import read_file
from vital.images.sources.base import (
    Candidate,
    IndexedPool,
    group_by_class,
    natural_key,
    require_file,
)
from vital.params.data import Columns

SPLIT_COLUMN = "split"


def open_table(
    path: Path, root: Path | None = None, split: str | None = None, columns: Columns | None = None
) -> IndexedPool:
    """The images that a table lists, or those with ``split`` in its column of that name.

    Paths are relative to ``root``, by default the table's own folder, and may not lead out of it;
    an absolute path is taken where it lies within a ``root`` that was given. Raises DataError when
    the table is missing or damaged, lacks a column or a value, or names a path that leads outside.
    """
    named = columns or Columns()
    paths_in, labels_in = named.image or "path", named.label or "label"
    wanted = [paths_in, labels_in] if split is None else [paths_in, labels_in, SPLIT_COLUMN]
    table = _read(path, wanted)
    rows = range(len(table[paths_in])) if split is None else _rows_of(path, table, split)
    folder = path.parent if root is None else root
    paths = [_relative(path, table[paths_in][row], folder, root is not None) for row in rows]
    labels = [table[labels_in][row] for row in rows]

    def candidate(number: int) -> Candidate:
        origin = paths[number]
        return Candidate(origin, lambda: read_file(folder / origin, origin))

    return IndexedPool(group_by_class(labels, sorted(set(labels), key=natural_key)), candidate)


def listed_paths(
    path: Path, root: Path | None = None, columns: Columns | None = None
) -> list[tuple[str, Path]]:
    """The images that a table lists, of any split: as its rows name them, and where they lie.

    Raises DataError as :func:`open_table` does.
    """
    column = (columns or Columns()).image or "path"
    folder = path.parent if root is None else root
    names = dict.fromkeys(_read(path, [column])[column])
    origins = (_relative(path, name, folder, root is not None) for name in names)
    return [(origin, folder / origin) for origin in origins]


def _read(path: Path, wanted: Sequence[str]) -> dict[str, list[str]]:
    """The wanted columns as text: a class may be called "NA", "007" or 3."""
    require_file(path)
    is_parquet = path.suffix.lower() == ".parquet"
    try:
        table = _read_parquet(path, wanted) if is_parquet else _read_csv(path)
    except (pa.ArrowException, csv.Error, ValueError, OSError) as error:
        reason = _reason(error)
        raise DataError(f"{path} is not a table that can be read ({reason})") from None
    return {name: _texts(path, table, name) for name in wanted}


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, csv.Error):
        return "it is not CSV, or one of its quotes does not end"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "it is not Parquet, or damaged"


def _read_parquet(path: Path, wanted: Sequence[str]) -> dict[str, list[object]]:
    """All columns by name, of which only the wanted ones are read."""
    with pq.ParquetFile(path) as file:
        names = list(file.schema_arrow.names)
        _refuse_equal_names(path, names)
        table: dict[str, list[object]] = {name: [] for name in names}
        table.update(file.read([name for name in names if name in wanted]).to_pydict())
    return table


def _read_csv(path: Path) -> dict[str, list[object]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.reader(handle, strict=True))
    header, *body = [row for row in rows if row] or [[]]
    _refuse_equal_names(path, header)
    for number, row in enumerate(body, start=1):
        if len(row) != len(header):
            raise DataError(f"{path}: row {number} has {len(row)} values for {len(header)} columns")
    return {name: [row[place] for row in body] for place, name in enumerate(header)}


def _refuse_equal_names(path: Path, names: Sequence[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{path} has {names.count(name)} columns named {name!r}")


def _texts(path: Path, table: Mapping[str, Sequence[object]], name: str) -> list[str]:
    if name not in table:
        raise DataError(f"{path} has no column {name!r}; {nearest(name, table)}")
    texts = ["" if value is None else str(value) for value in table[name]]
    for number, text in enumerate(texts, start=1):
        if not text.strip():
            raise DataError(f"{path}: row {number} has no {name}")
    return texts


def _rows_of(path: Path, table: Mapping[str, Sequence[str]], split: str) -> list[int]:
    present = table[SPLIT_COLUMN]
    rows = [row for row, name in enumerate(present) if name == split]
    if not rows:
        raise DataError(f"{path} has no split {split!r}; {nearest(split, sorted(set(present)))}")
    return rows


def _relative(table: Path, name: str, folder: Path, may_be_absolute: bool) -> str:
    """A row's path relative to ``folder``. Links are not looked at: they are the user's own."""
    named = PurePath(name)
    if may_be_absolute:
        for root in (folder.absolute(), folder.resolve()):
            if named.is_relative_to(root):
                named = named.relative_to(root)
    if named.anchor or ".." in named.parts:
        raise DataError(f"{table} names {name!r}, which does not lie in {folder}")
    return named.as_posix()
