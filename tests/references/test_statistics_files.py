"""Statistics in Parquet files: read back as written, or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from helpers.small_networks import TAPS
from helpers.statistics import assert_close, random_quantiles, relative_error
from vital.errors import ArtefactError
from vital.references.quantiles import TapStatistics, UnitStatistics
from vital.references.reference_sets import ReferenceSet
from vital.references.statistics_files import read_statistics, tap_file, write_statistics

ONE = ReferenceSet("class/0")


def test_statistics_are_read_back_at_full_length(tmp_path: Path) -> None:
    exact = random_quantiles(5, 400)
    ones = np.ones(5, np.float32)
    kept = TapStatistics(exact, ones, ones, ones, 7)
    for name, knots in (("all", None), ("some", 64)):
        units = [(ONE, {"layer1": kept})]
        write_statistics(tmp_path / name, ["layer1"], {}, units, knots=knots)
    whole = read_statistics(tmp_path / "all", ["class/0"])[ONE]["layer1"]
    some = read_statistics(tmp_path / "some", ["class/0"])[ONE]["layer1"]
    assert np.array_equal(whole.quantiles, exact)
    assert some.quantiles.shape == exact.shape
    assert relative_error(exact, some.quantiles).max() < 0.05


def test_parquet_gives_back_what_was_written(
    statistics: dict[ReferenceSet, UnitStatistics], tmp_path: Path
) -> None:
    for name in ("one", "two"):
        write_statistics(tmp_path / name, TAPS, {"model_sha256": "x"}, statistics.items())
    again = read_statistics(tmp_path / "one", [one.unit for one in statistics])
    assert list(again) == list(statistics)
    for unit, kept in statistics.items():
        assert list(again[unit]) == list(TAPS)
        for tap in TAPS:
            assert_close(again[unit][tap], kept[tap], 0.0)
    for tap in TAPS:
        first, second = (tap_file(tmp_path / name, tap) for name in ("one", "two"))
        assert first.read_bytes() == second.read_bytes()
        assert pq.ParquetFile(first).num_row_groups == len(statistics)


def test_damaged_missing_and_unknown_are_errors(
    statistics: dict[ReferenceSet, UnitStatistics], tmp_path: Path
) -> None:
    with pytest.raises(ArtefactError, match="run `dvc repro`"):
        read_statistics(tmp_path / "nowhere", ["class/0"])
    folder = tmp_path / "kept"
    write_statistics(folder, TAPS, {}, statistics.items())
    with pytest.raises(ArtefactError, match="class/9"):
        read_statistics(folder, ["class/9"])
    path = tap_file(folder, "conv1")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ArtefactError, match="damaged"):
        read_statistics(folder, ["class/0"])


def test_a_failing_source_leaves_the_old_statistics(
    statistics: dict[ReferenceSet, UnitStatistics], tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    write_statistics(folder, TAPS, {}, statistics.items())
    before = tap_file(folder, "conv1").read_bytes()

    def broken() -> object:
        yield from list(statistics.items())[:1]
        raise ArtefactError("the images ended")

    with pytest.raises(ArtefactError):
        write_statistics(folder, TAPS, {}, broken())
    assert tap_file(folder, "conv1").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert [path.name for path in folder.iterdir()] == ["taps"]


@pytest.mark.parametrize("tap", ["../../outside", "/etc/outside", "..", "a/b"])
def test_a_tap_name_cannot_lead_out_of_the_folder(tmp_path: Path, tap: str) -> None:
    assert tap_file(tmp_path, tap).resolve().parent == (tmp_path / "taps").resolve()
