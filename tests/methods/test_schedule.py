"""Phases and the learning rate."""

from __future__ import annotations

import math

import pytest

from vital.methods.schedule import Phase, learning_rate, phases, total_steps
from vital.params.visualize import CoarseParams, MethodParams, PolishParams


def test_learning_rate_warms_up_then_falls_to_zero() -> None:
    params = MethodParams(steps=2000, lr=1.0, warmup=0.05)
    (phase,) = phases(params)
    assert learning_rate(0, phase, params) == pytest.approx(1 / 100)
    assert learning_rate(49, phase, params) == pytest.approx(0.5)
    assert learning_rate(99, phase, params) == pytest.approx(1.0)
    assert learning_rate(100, phase, params) == pytest.approx(1.0)
    assert learning_rate(1050, phase, params) == pytest.approx(0.5)
    assert learning_rate(1999, phase, params) == pytest.approx(
        0.5 * (1 + math.cos(math.pi * 1899 / 1900)), rel=1e-9
    )


@pytest.mark.parametrize("warmup", [0.0, 1.0])
def test_extreme_warmups_stay_finite(warmup: float) -> None:
    params = MethodParams(steps=3, lr=2.0, warmup=warmup)
    (phase,) = phases(params)
    rates = [learning_rate(step, phase, params) for step in range(3)]
    assert all(0 < rate <= 2.0 for rate in rates)


def test_the_coarse_phase_comes_first_with_its_own_warm_up() -> None:
    params = MethodParams(steps=1000, coarse=CoarseParams(steps=2000), lr=1.0)
    coarse, fine = phases(params)
    assert coarse == Phase(0, 2000, 2, 1.0)
    assert fine == Phase(2000, 3000, 1, 1.0)
    assert total_steps(params) == 3000
    assert learning_rate(1999, coarse, params) < 1e-5
    assert learning_rate(2000, fine, params) == pytest.approx(1 / 50)
    assert learning_rate(2049, fine, params) == pytest.approx(1.0)


def test_a_polish_comes_last_with_its_own_rate_and_warm_up() -> None:
    polish = PolishParams(steps=40, lr=0.5)
    params = MethodParams(steps=100, coarse=CoarseParams(steps=60), polish=polish, lr=2.0)
    assert phases(params) == (
        Phase(0, 60, 2, 2.0),
        Phase(60, 160, 1, 2.0),
        Phase(160, 200, 1, 0.5),
    )
    assert total_steps(params) == 200
    last = phases(params)[-1]
    assert learning_rate(160, last, params) == pytest.approx(0.25)
    assert learning_rate(161, last, params) == pytest.approx(0.5)
    assert learning_rate(199, last, params) < 0.005


def test_without_annealing_the_rate_stays_after_the_warm_up() -> None:
    params = MethodParams(steps=100, lr=2.0, warmup=0.1, anneal=False)
    (phase,) = phases(params)
    assert learning_rate(4, phase, params) == pytest.approx(1.0)
    assert {learning_rate(step, phase, params) for step in range(10, 100)} == {2.0}
