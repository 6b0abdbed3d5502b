"""Statistics as files: one Parquet file per tap, a row group per set of a unit's references."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vital.artefacts.columns import CHANNEL, REFERENCE_SET, TAP, UNIT
from vital.artefacts.statistics import (
    IMPORTANCE,
    MEAN,
    N_IMAGES,
    QUANTILES,
    SCHEMA_VERSION,
    STD,
    tap_file,
    tap_file_name,
    tap_files,
    taps_folder,
)
from vital.errors import ArtefactError
from vital.references.quantile_knots import at_knots, from_knots
from vital.references.quantiles import TapStatistics, UnitStatistics
from vital.references.reference_sets import ReferenceSet
from vital.runtime.files import replacing_folder


def write_statistics(
    folder: Path,
    taps: Sequence[str],
    metadata: Mapping[str, str],
    sets: Iterable[tuple[ReferenceSet, UnitStatistics]],
    *,
    knots: int | None = None,
) -> None:
    """Write a Parquet file per tap, a row group per set, taking the sets one by one.

    With ``knots`` a quantile function of more positions is kept by so many of its values (see
    :mod:`vital.references.quantile_knots`), from which it is read back approximately.

    ``taps`` gives the order of the taps; a set need not have statistics at all of them. The files
    appear in a folder of ``folder``, or replace those there, only when all are written.
    """
    described = {**metadata, "taps": json.dumps(list(taps)), "schema_version": SCHEMA_VERSION}
    with replacing_folder(taps_folder(folder)) as temporary, ExitStack() as opened:
        writers: dict[str, pq.ParquetWriter] = {}
        for one, kept in sets:
            for tap, statistics in kept.items():
                positions = {"positions": str(statistics.quantiles.shape[1])}
                table = _to_table(one, tap, statistics, knots, {**described, **positions})
                if tap not in writers:
                    writer = pq.ParquetWriter(temporary / tap_file_name(tap), table.schema)
                    writers[tap] = opened.enter_context(writer)
                writers[tap].write_table(table, row_group_size=table.num_rows)


def read_statistics(folder: Path, units: Sequence[str]) -> dict[ReferenceSet, UnitStatistics]:
    """The statistics of all sets of the units of these ids, at every tap that they have.

    Raises ArtefactError when a file is missing or damaged, or a unit is in none.
    """
    taps = json.loads(_any_file(folder).metadata["taps"])
    files = {tap: StatisticsFile(tap_file(folder, tap)) for tap in taps}
    held: dict[str, list[ReferenceSet]] = {unit: [] for unit in units}
    for one in dict.fromkeys(one for file in files.values() for one in file.sets()):
        held.get(one.unit, []).append(one)
    for unit, sets in held.items():
        if not sets:
            raise ArtefactError(f"{folder} has no statistics of unit {unit!r}")
    return {
        one: {tap: file.read(one) for tap, file in files.items() if file.holds(one)}
        for one in chain.from_iterable(held.values())
    }


def extracted_units(folder: Path) -> list[str]:
    """The units that have statistics, in the order of their extraction.

    Raises ArtefactError when there are no statistics.
    """
    return list(dict.fromkeys(one.unit for one in _any_file(folder).sets()))


def _any_file(folder: Path) -> StatisticsFile:
    found = tap_files(folder)
    if not found:
        raise ArtefactError(f"{folder} holds no statistics: run `dvc repro`")
    return StatisticsFile(found[0])


class StatisticsFile:
    """One tap's statistics, read set by set.

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

    def sets(self) -> list[ReferenceSet]:
        """The sets in the file, in its order."""
        return list(self._groups)

    def holds(self, one: ReferenceSet) -> bool:
        """Whether the file has statistics of this set."""
        return one in self._groups

    def read(self, one: ReferenceSet) -> TapStatistics:
        """The statistics of one set. Raises ArtefactError for one that is not in the file."""
        if not self.holds(one):
            raise ArtefactError(f"{self._path} has no statistics of {one.id}")
        table = self._file.read_row_group(self._groups[one])
        channels = table.num_rows
        flat = table.column(QUANTILES).combine_chunks().flatten().to_numpy()
        kept = flat.reshape(channels, -1).copy()
        return TapStatistics(
            quantiles=from_knots(kept, int(self.metadata.get("positions", kept.shape[1]))),
            mean=_column(table, MEAN),
            std=_column(table, STD),
            importance=_column(table, IMPORTANCE),
            n_images=int(table.column(N_IMAGES)[0].as_py()),
        )

    def _index(self) -> dict[ReferenceSet, int]:
        names = self._file.schema_arrow.names
        places = [names.index(column) for column in (UNIT, REFERENCE_SET)]
        groups = {}
        for i in range(self._file.num_row_groups):
            group = self._file.metadata.row_group(i)
            unit, number = (group.column(place).statistics.min for place in places)
            groups[ReferenceSet(str(unit), int(number))] = i
        return groups

    def _read_metadata(self) -> dict[str, str]:
        raw = self._file.schema_arrow.metadata or {}
        metadata = {key.decode(): value.decode() for key, value in raw.items()}
        version = metadata.get("schema_version")
        if version != SCHEMA_VERSION:
            raise ArtefactError(
                f"{self._path} has schema version {version}, not {SCHEMA_VERSION}: run `dvc repro`"
            )
        return metadata


def _column(table: pa.Table, name: str) -> np.ndarray:
    return np.array(table.column(name).to_numpy())  # a copy: Arrow's own memory is read-only


def _to_table(
    one: ReferenceSet,
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
        UNIT: pa.array([one.unit] * channels),
        REFERENCE_SET: pa.array(np.full(channels, one.number, dtype=np.int32)),
        TAP: pa.array([tap] * channels),
        CHANNEL: pa.array(np.arange(channels, dtype=np.int32)),
        N_IMAGES: pa.array(np.full(channels, statistics.n_images, dtype=np.int32)),
        IMPORTANCE: pa.array(statistics.importance),
        MEAN: pa.array(statistics.mean),
        STD: pa.array(statistics.std),
        QUANTILES: pa.FixedSizeListArray.from_arrays(values, kept),
    }
    return pa.table(columns).replace_schema_metadata(dict(metadata))
