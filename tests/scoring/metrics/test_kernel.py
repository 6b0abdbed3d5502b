"""Kernel inception distances against their definition and torch-fidelity."""

from __future__ import annotations

import numpy as np
import pytest
from torch_fidelity.metric_kid import kid_features_to_metric

from helpers.features import draw, slow_mmd
from vital.scoring.metrics.kernel import kernel_distance


def cubic(a: np.ndarray, b: np.ndarray) -> float:
    return float((a @ b / len(a) + 1) ** 3)


def test_kernel_distance_equals_its_definition_on_average() -> None:
    one, other = draw(12, 3, 3), draw(12, 3, 4) + 0.5
    mean, deviation = kernel_distance(one, other, subsets=4000, seed=0)
    expected = slow_mmd(one.double().numpy(), other.double().numpy(), cubic)
    assert mean is not None
    assert deviation is not None
    assert mean == pytest.approx(expected, abs=4 * deviation / np.sqrt(4000))


def test_kernel_distance_of_identical_sets_is_not_positive() -> None:
    features = draw(20, 5, 5)
    mean, _ = kernel_distance(features, features, subsets=500, seed=0)
    assert mean is not None
    assert mean <= 0


@pytest.mark.parametrize(("rows", "others", "columns"), [(50, 70, 8), (9, 40, 30), (40, 9, 30)])
def test_it_is_the_kid_of_torch_fidelity(rows: int, others: int, columns: int) -> None:
    one, other = draw(rows, columns, 12), draw(others, columns, 13) @ draw(columns, columns, 14)
    theirs = kid_features_to_metric(
        one.double(), other.double(), kid_subsets=7, kid_subset_size=min(rows, others) // 2,
        rng_seed=15, verbose=False,
    )  # fmt: skip
    expected = [theirs[f"kernel_inception_distance_{name}"] for name in ("mean", "std")]
    assert kernel_distance(one, other, 7, 15 + 2**32) == pytest.approx(expected, rel=1e-9)


def test_too_few_images_give_no_number() -> None:
    assert kernel_distance(draw(3, 3, 0), draw(9, 3, 1), subsets=10, seed=0) == (None, None)
