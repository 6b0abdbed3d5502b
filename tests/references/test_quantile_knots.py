"""Quantile functions kept at knots: exact where they can be, near where they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vital.references.quantile_knots import at_knots, from_knots
from vital.references.quantiles import TapStatistics
from vital.references.statistics_files import read_statistics, write_statistics


def quantiles(channels: int, positions: int, power: float = 1.0) -> np.ndarray:
    draws = np.random.default_rng(positions)
    values = draws.normal(size=(channels, positions))
    tailed = np.sign(values) * np.abs(values) ** power
    return np.sort(tailed.astype(np.float32), axis=1)


def relative_error(exact: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """2-Wasserstein distance over the standard deviation, per channel."""
    distance = np.sqrt(np.mean((exact - kept).astype(np.float64) ** 2, axis=1))
    return distance / exact.std(axis=1, dtype=np.float64)


def test_few_positions_are_kept_exactly() -> None:
    exact = quantiles(3, 49)
    assert np.array_equal(from_knots(at_knots(exact, 64), 49), exact)


def test_smallest_and_greatest_values_are_kept_exactly_and_order_is_kept() -> None:
    exact = quantiles(4, 3000, power=2.0)
    read = from_knots(at_knots(exact, 32), 3000)
    assert np.array_equal(read[:, [0, -1]], exact[:, [0, -1]])
    assert (np.diff(read, axis=1) >= 0).all()


def test_a_straight_line_needs_two_knots() -> None:
    line = np.linspace(-2.0, 5.0, 100, dtype=np.float32)[None]
    assert from_knots(at_knots(line, 2), 100)[0] == pytest.approx(line[0], abs=1e-6)


def test_knots_at_the_tails_err_less_than_even_ones() -> None:
    exact = quantiles(8, 5000, power=2.0)
    even = exact[:, np.linspace(0, 4999, 64).round().astype(int)]
    places = np.linspace(0, 1, 64)
    evenly = np.stack([np.interp(np.linspace(0, 1, 5000), places, row) for row in even])
    ours = relative_error(exact, from_knots(at_knots(exact, 64), 5000))
    assert ours.max() < 0.05
    assert (ours < relative_error(exact, evenly)).all()


def test_statistics_are_read_back_at_full_length(tmp_path: Path) -> None:
    exact = quantiles(5, 400)
    ones = np.ones(5, np.float32)
    kept = TapStatistics(exact, ones, ones, ones, 7)
    for name, knots in (("all", None), ("some", 64)):
        units = [("class/0", {"layer1": kept})]
        write_statistics(tmp_path / name, ["layer1"], {}, units, knots=knots)
    whole = read_statistics(tmp_path / "all", ["class/0"])["class/0"]["layer1"]
    some = read_statistics(tmp_path / "some", ["class/0"])["class/0"]["layer1"]
    assert np.array_equal(whole.quantiles, exact)
    assert some.quantiles.shape == exact.shape
    assert relative_error(exact, some.quantiles).max() < 0.05
