"""A Parquet file under data/: its name, its columns and their types, written and read whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_float_dtype, is_integer_dtype

from vital.errors import ArtefactError
from vital.runtime.table_files import read_parquet, write_parquet


class Kind(Enum):
    """What a column holds, besides nothing."""

    TEXT = "text"
    WHOLE = "whole numbers"
    NUMBER = "numbers"
    LIST = "lists"

    def fits(self, column: pd.Series) -> bool:
        """Whether all that is known of a column is of this kind."""
        known = column.dropna()
        if known.empty:
            return True
        if self is Kind.WHOLE:
            return bool(is_integer_dtype(known))
        if self is Kind.NUMBER:
            return bool(is_integer_dtype(known) or is_float_dtype(known))
        if self is Kind.TEXT:
            return all(isinstance(value, str) for value in known)
        return all(hasattr(value, "__len__") and not isinstance(value, str) for value in known)


@dataclass(frozen=True)
class Table:
    """The contract of one table: ``file`` in the folder of its stage, and what its columns hold.

    A table may have more columns, such as a loss for each tap, but none of these is missing. Those
    that are ``optional`` are read as empty where an older table lacks them.
    """

    file: str
    columns: Mapping[str, Kind]
    optional: frozenset[str] = frozenset()

    def path(self, folder: Path) -> Path:
        """Where the table lies."""
        return folder / self.file

    def frame(self, rows: Iterable[Mapping[str, Any]] = ()) -> pd.DataFrame:
        """Rows with exactly these columns, in their order."""
        return pd.DataFrame(list(rows), columns=list(self.columns))

    def write(self, folder: Path, table: pd.DataFrame) -> None:
        """Write the table whole, or not at all.

        Raises ArtefactError for one that :meth:`read` would refuse.
        """
        write_parquet(self.path(folder), self.check(table, self.path(folder)))

    def read(self, folder: Path) -> pd.DataFrame:
        """Read the table.

        Raises ArtefactError when it is missing or damaged, lacks a column, or holds another kind.
        """
        path = self.path(folder)
        table = read_parquet(path)
        lacking = [column for column in self.columns if column in self.optional - set(table)]
        return self.check(table.assign(**dict.fromkeys(lacking)), path)

    def read_if_there(self, folder: Path) -> pd.DataFrame:
        """As :meth:`read`; without the file, no rows."""
        return self.read(folder) if self.path(folder).exists() else self.frame()

    def check(self, table: pd.DataFrame, path: Path) -> pd.DataFrame:
        """The table as it is; raises ArtefactError that names ``path`` and what is wrong."""
        for column, kind in self.columns.items():
            if column not in table:
                raise ArtefactError(
                    f"{path} has no column {column!r}: run the stage that writes it"
                )
            if not kind.fits(table[column]):
                raise ArtefactError(
                    f"{path} holds other than {kind.value} in the column {column!r}: "
                    "run the stage that writes it"
                )
        return table
