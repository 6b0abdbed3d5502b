"""Fréchet distances against closed forms and torch-fidelity."""

from __future__ import annotations

import numpy as np
import pytest
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

from helpers.features import draw
from vital.scoring.metrics.frechet import frechet_distance


def nuclear_norm_frechet(one: np.ndarray, other: np.ndarray) -> float:
    """The Fréchet distance by the singular values of an N x M matrix."""
    a = (one - one.mean(0)) / np.sqrt(len(one) - 1)
    b = (other - other.mean(0)) / np.sqrt(len(other) - 1)
    cross = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    shift = ((one.mean(0) - other.mean(0)) ** 2).sum()
    return float(shift + (a**2).sum() + (b**2).sum() - 2 * cross)


@pytest.mark.parametrize(("rows", "columns"), [(40, 6), (10, 32)])
def test_frechet_distance_equals_the_nuclear_norm_formula(rows: int, columns: int) -> None:
    one, other = draw(rows, columns, 0), 1.5 * draw(rows + 3, columns, 1) + 0.3
    expected = nuclear_norm_frechet(one.double().numpy(), other.double().numpy())
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-9)


def test_frechet_distance_of_a_shift_is_its_square() -> None:
    features = draw(200, 4, 2)
    assert frechet_distance(features, features + 2.0) == pytest.approx(16.0, rel=1e-6)
    assert abs(frechet_distance(features, features) or 0.0) < 1e-3


@pytest.mark.parametrize(("rows", "columns"), [(60, 8), (12, 64)])
def test_frechet_distance_of_identical_sets_is_none(rows: int, columns: int) -> None:
    features = draw(rows, columns, 9)
    distance = frechet_distance(features, features.clone())
    assert distance is not None
    assert abs(distance) < 1e-3


@pytest.mark.parametrize(("rows", "others", "columns"), [(50, 70, 8), (9, 40, 30), (40, 9, 30)])
def test_it_is_the_fid_of_torch_fidelity(rows: int, others: int, columns: int) -> None:
    one, other = draw(rows, columns, 12), draw(others, columns, 13) @ draw(columns, columns, 14)
    statistics = [fid_features_to_statistics(values.double()) for values in (one, other)]
    fid = fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]
    assert frechet_distance(one, other) == pytest.approx(fid, rel=1e-4)


def test_too_few_images_give_no_number() -> None:
    assert frechet_distance(draw(1, 3, 0), draw(9, 3, 1)) is None
