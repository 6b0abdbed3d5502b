"""Statistics as files: one Parquet file per tap, a row group per unit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vital.errors import ArtefactError
from vital.references.quantile_knots import at_knots, from_knots
from vital.references.quantiles import TapStatistics, UnitStatistics
from vital.runtime.files import replacing_folder

SCHEMA_VERSION = "1"


TAPS_FOLDER = "taps"
"""Holds a file per tap and nothing else, as a tap may have any name."""


def write_statistics(
    folder: Path,
    taps: Sequence[str],
    metadata: Mapping[str, str],
    units: Iterable[tuple[str, UnitStatistics]],
    *,
    knots: int | None = None,
) -> None:
    """Write a Parquet file per tap, a row group per unit, taking the units one by one.

    With ``knots`` a quantile function of more positions is kept by so many of its values (see
    :mod:`vital.references.quantile_knots`), from which it is read back approximately.

    ``taps`` gives the order of the taps; a unit need not have statistics at all of them. The files
    appear in a folder of ``folder``, or replace those there, only when all are written.
    """
    described = {**metadata, "taps": json.dumps(list(taps)), "schema_version": SCHEMA_VERSION}
    with replacing_folder(folder / TAPS_FOLDER) as temporary, ExitStack() as opened:
        writers: dict[str, pq.ParquetWriter] = {}
        for unit, kept in units:
            for tap, one in kept.items():
                positions = {"positions": str(one.quantiles.shape[1])}
                table = _to_table(unit, tap, one, knots, {**described, **positions})
                if tap not in writers:
                    writer = pq.ParquetWriter(temporary / _file_name(tap), table.schema)
                    writers[tap] = opened.enter_context(writer)
                writers[tap].write_table(table, row_group_size=table.num_rows)


def read_statistics(folder: Path, units: Sequence[str]) -> dict[str, UnitStatistics]:
    """The statistics of the named units at every tap that they have.

    Raises ArtefactError when a file is missing or damaged, or a unit is in none.
    """
    taps = json.loads(_any_file(folder).metadata["taps"])
    files = {tap: StatisticsFile(tap_file(folder, tap)) for tap in taps}
    kept: dict[str, UnitStatistics] = {
        unit: {tap: file.read(unit) for tap, file in files.items() if file.holds(unit)}
        for unit in units
    }
    for unit, found in kept.items():
        if not found:
            raise ArtefactError(f"{folder} has no statistics of unit {unit!r}")
    return kept


def extracted_units(folder: Path) -> list[str]:
    """The units that have statistics, in the order of their extraction.

    Raises ArtefactError when there are no statistics.
    """
    return _any_file(folder).units()


def _any_file(folder: Path) -> StatisticsFile:
    found = sorted((folder / TAPS_FOLDER).glob("*.parquet"))
    if not found:
        raise ArtefactError(f"{folder} holds no statistics: run `dvc repro`")
    return StatisticsFile(found[0])


def tap_file(folder: Path, tap: str) -> Path:
    """Where a tap's statistics lie; the tap's name cannot lead out of the folder."""
    return folder / TAPS_FOLDER / _file_name(tap)


def _file_name(tap: str) -> str:
    return tap.replace("/", "_").replace("\\", "_").lstrip(".") + ".parquet"


class StatisticsFile:
    """One tap's statistics, read unit by unit.

    Raises ArtefactError when the file is missing, damaged, or of another schema version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = pq.ParquetFile(self._path)
        except FileNotFoundError:
            raise ArtefactError(f"{path} does not exist: run `dvc repro`") from None
        except (pa.ArrowInvalid, OSError) as error:
            raise ArtefactError(f"{path} is damaged: {error}") from None
        self.metadata = self._read_metadata()
        self._groups = self._index()

    def units(self) -> list[str]:
        """The units in the file, in its order."""
        return list(self._groups)

    def holds(self, unit: str) -> bool:
        """Whether the file has statistics of this unit."""
        return unit in self._groups

    def read(self, unit: str) -> TapStatistics:
        """The statistics of one unit."""
        if not self.holds(unit):
            raise ArtefactError(f"{self._path} has no statistics of unit {unit!r}")
        table = self._file.read_row_group(self._groups[unit])
        channels = table.num_rows
        flat = table.column("quantiles").combine_chunks().flatten().to_numpy()
        kept = flat.reshape(channels, -1).copy()
        return TapStatistics(
            quantiles=from_knots(kept, int(self.metadata.get("positions", kept.shape[1]))),
            mean=_column(table, "mean"),
            std=_column(table, "std"),
            importance=_column(table, "importance"),
            n_images=int(table.column("n_images")[0].as_py()),
        )

    def _index(self) -> dict[str, int]:
        column = self._file.schema_arrow.names.index("unit")
        groups = range(self._file.num_row_groups)
        metadata = self._file.metadata
        return {str(metadata.row_group(i).column(column).statistics.min): i for i in groups}

    def _read_metadata(self) -> dict[str, str]:
        raw = self._file.schema_arrow.metadata or {}
        metadata = {key.decode(): value.decode() for key, value in raw.items()}
        version = metadata.get("schema_version")
        if version != SCHEMA_VERSION:
            raise ArtefactError(
                f"{self._path} has schema version {version}, not {SCHEMA_VERSION}: extract again"
            )
        return metadata


def _column(table: pa.Table, name: str) -> np.ndarray:
    return np.array(table.column(name).to_numpy())  # a copy: Arrow's own memory is read-only


def _to_table(
    unit: str,
    tap: str,
    statistics: TapStatistics,
    knots: int | None,
    metadata: Mapping[str, str],
) -> pa.Table:
    quantiles = statistics.quantiles.astype(np.float32)
    if knots is not None:
        quantiles = at_knots(quantiles, knots)
    channels, kept = quantiles.shape
    values = pa.array(quantiles.reshape(-1))
    columns: dict[str, Any] = {
        "unit": pa.array([unit] * channels),
        "tap": pa.array([tap] * channels),
        "channel": pa.array(np.arange(channels, dtype=np.int32)),
        "n_images": pa.array(np.full(channels, statistics.n_images, dtype=np.int32)),
        "importance": pa.array(statistics.importance),
        "mean": pa.array(statistics.mean),
        "std": pa.array(statistics.std),
        "quantiles": pa.FixedSizeListArray.from_arrays(values, kept),
    }
    return pa.table(columns).replace_schema_metadata(dict(metadata))
