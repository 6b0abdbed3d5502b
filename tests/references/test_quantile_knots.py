"""Quantile functions kept at knots: exact where they can be, near where they cannot."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.statistics import random_quantiles, relative_error
from vital.references.quantile_knots import at_knots, from_knots


def test_few_positions_are_kept_exactly() -> None:
    exact = random_quantiles(3, 49)
    assert np.array_equal(from_knots(at_knots(exact, 64), 49), exact)


def test_smallest_and_greatest_values_are_kept_exactly_and_order_is_kept() -> None:
    exact = random_quantiles(4, 3000, power=2.0)
    read = from_knots(at_knots(exact, 32), 3000)
    assert np.array_equal(read[:, [0, -1]], exact[:, [0, -1]])
    assert (np.diff(read, axis=1) >= 0).all()


def test_a_straight_line_needs_two_knots() -> None:
    line = np.linspace(-2.0, 5.0, 100, dtype=np.float32)[None]
    assert from_knots(at_knots(line, 2), 100)[0] == pytest.approx(line[0], abs=1e-6)


def test_knots_at_the_tails_err_less_than_even_ones() -> None:
    exact = random_quantiles(8, 5000, power=2.0)
    even = exact[:, np.linspace(0, 4999, 64).round().astype(int)]
    places = np.linspace(0, 1, 64)
    evenly = np.stack([np.interp(np.linspace(0, 1, 5000), places, row) for row in even])
    ours = relative_error(exact, from_knots(at_knots(exact, 64), 5000))
    assert ours.max() < 0.05
    assert (ours < relative_error(exact, evenly)).all()
