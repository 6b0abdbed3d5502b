"""Intervals over classes: against every possible draw, and by how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from vital.scoring.bootstrap import mean_interval, paired_difference, resampled_means


def test_means_are_those_of_classes_drawn_with_replacement() -> None:
    """Every mean is that of some draw, and the draws have the mean and spread that they should."""
    values = np.array([0.0, 1.0, 10.0, 100.0])
    means = resampled_means(values, 20000, seed=0)
    every_draw = np.stack(np.meshgrid(*[values] * 4)).reshape(4, -1).mean(axis=0)
    assert np.isclose(means[:, None], np.unique(every_draw)[None, :]).any(axis=1).all()
    assert means.mean() == pytest.approx(every_draw.mean(), abs=4 * every_draw.std() / 141)
    assert means.std() == pytest.approx(every_draw.std(), rel=0.03)


def test_bounds_are_the_percentiles_of_every_possible_draw() -> None:
    values = np.array([0.3, 0.9, 1.7, 4.0, 2.2])
    every_draw = np.stack(np.meshgrid(*[values] * 5)).reshape(5, -1).mean(axis=0)
    found = mean_interval(values, samples=40000, confidence=0.9, seed=1)
    low, high = np.quantile(every_draw, [0.05, 0.95])
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(low, abs=0.02)
    assert found.high == pytest.approx(high, abs=0.02)
    assert found.n == 5


def test_a_difference_is_that_of_means_over_the_same_classes() -> None:
    draws = np.random.default_rng(2)
    ours, theirs = draws.normal(size=30), draws.normal(size=30)
    found = paired_difference(ours, theirs, samples=500, confidence=0.95, seed=3)
    means = resampled_means(ours, 500, 3) - resampled_means(theirs, 500, 3)
    low, high = np.quantile(means, [0.025, 0.975])
    assert (found.mean, found.low, found.high) == pytest.approx(
        (ours.mean() - theirs.mean(), low, high)
    )


def test_pairing_removes_what_classes_share() -> None:
    """Classes that differ widely, and a method that is better by the same in each."""
    theirs = 100 * np.random.default_rng(4).normal(size=40)
    found = paired_difference(theirs + 1, theirs, samples=300, confidence=0.95, seed=5)
    assert (found.low, found.high) == pytest.approx((1.0, 1.0))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    draws = np.random.default_rng(6)
    trials, held = 400, 0
    for trial in range(trials):
        ours = draws.exponential(2.0, 60)  # mean 2
        theirs = draws.normal(1.5, 1.0, 60)
        found = paired_difference(ours, theirs, samples=400, confidence=0.9, seed=trial)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 0.5 <= found.high
    # A binomial's four deviations, and two per cent that the method is short of at 60 classes.
    assert held / trials == pytest.approx(0.9, abs=4 * np.sqrt(0.9 * 0.1 / trials) + 0.02)


def test_the_seed_decides() -> None:
    values = np.random.default_rng(7).normal(size=20)
    one, again, other = (mean_interval(values, 100, 0.95, seed) for seed in (0, 0, 1))
    assert one == again
    assert one != other


def test_classes_without_a_value_are_left_out() -> None:
    some = mean_interval(np.array([1.0, np.nan, 3.0]), 100, 0.95, 0)
    assert (some.mean, some.n) == (2.0, 2)
    single = mean_interval(np.array([1.0, np.nan]), 100, 0.95, 0)
    assert (single.mean, single.low, single.high, single.n) == (1.0, None, None, 1)
    assert mean_interval(np.array([np.nan]), 100, 0.95, 0).n == 0
    pair = paired_difference(np.array([1.0, np.nan, 3.0]), np.array([0.0, 1.0, 1.0]), 9, 0.95, 0)
    assert (pair.mean, pair.n) == (1.5, 2)
