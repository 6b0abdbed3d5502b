"""Metrics against closed forms and slow definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric

from vital.errors import DataError
from vital.scoring.embedding import tsne
from vital.scoring.image_sets import split_held_out
from vital.scoring.metrics.agreement import top_k_agreement
from vital.scoring.metrics.centroid import centroid_distances
from vital.scoring.metrics.cmmd import cmmd
from vital.scoring.metrics.diversity import distances_within
from vital.scoring.metrics.frechet import frechet_distance
from vital.scoring.metrics.kernel import kernel_distance
from vital.scoring.metrics.nearest import nearest_label
from vital.scoring.zeroshot import class_embeddings, zero_shot_logits


def draw(rows: int, columns: int, seed: int) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


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
def test_both_distances_are_those_of_torch_fidelity(rows: int, others: int, columns: int) -> None:
    one, other = draw(rows, columns, 12), draw(others, columns, 13) @ draw(columns, columns, 14)
    statistics = [fid_features_to_statistics(values.double()) for values in (one, other)]
    fid = fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]
    assert frechet_distance(one, other) == pytest.approx(fid, rel=1e-4)
    theirs = kid_features_to_metric(
        one.double(), other.double(), kid_subsets=7, kid_subset_size=min(rows, others) // 2,
        rng_seed=15, verbose=False,
    )  # fmt: skip
    expected = [theirs[f"kernel_inception_distance_{name}"] for name in ("mean", "std")]
    assert kernel_distance(one, other, 7, 15 + 2**32) == pytest.approx(expected, rel=1e-9)


def slow_kid(one: np.ndarray, other: np.ndarray) -> float:
    """Unbiased squared MMD with the cubic kernel, pair by pair."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    def within(rows: np.ndarray) -> float:
        pairs = [(i, j) for i in range(len(rows)) for j in range(len(rows)) if i != j]
        return sum(kernel(rows[i], rows[j]) for i, j in pairs) / len(pairs)

    across = np.mean([[kernel(a, b) for b in other] for a in one])
    return within(one) + within(other) - 2 * float(across)


def test_kernel_distance_equals_its_definition_on_average() -> None:
    one, other = draw(12, 3, 3), draw(12, 3, 4) + 0.5
    mean, deviation = kernel_distance(one, other, subsets=4000, seed=0)
    expected = slow_kid(one.double().numpy(), other.double().numpy())
    assert mean is not None
    assert deviation is not None
    assert mean == pytest.approx(expected, abs=4 * deviation / np.sqrt(4000))


def test_kernel_distance_of_identical_sets_is_not_positive() -> None:
    features = draw(20, 5, 5)
    mean, _ = kernel_distance(features, features, subsets=500, seed=0)
    assert mean is not None
    assert mean <= 0


def slow_cmmd(one: np.ndarray, other: np.ndarray) -> float:
    """Unbiased squared MMD with the Gaussian kernel, pair by pair."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
        return float(np.exp(-((a - b) ** 2).sum() / (2 * 10.0**2)))

    def within(rows: np.ndarray) -> float:
        pairs = [(i, j) for i in range(len(rows)) for j in range(len(rows)) if i != j]
        return sum(kernel(rows[i], rows[j]) for i, j in pairs) / len(pairs)

    across = np.mean([[kernel(a, b) for b in other] for a in one])
    return 1000 * (within(one) + within(other) - 2 * float(across))


def test_cmmd_equals_its_definition() -> None:
    one, other = draw(11, 5, 20), 3 * draw(14, 5, 21) + 1
    expected = slow_cmmd(one.double().numpy(), other.double().numpy())
    assert cmmd(one, other) == pytest.approx(expected, rel=1e-9)


def test_cmmd_in_closed_form() -> None:
    """Two sets of equal vectors at a right angle: each is 1 within, exp(-2 / 200) across."""
    one, other = torch.tensor([[1.0, 0.0]] * 3), torch.tensor([[0.0, 7.0]] * 4)
    assert cmmd(one, other) == pytest.approx(1000 * (2 - 2 * np.exp(-0.01)), rel=1e-9)
    assert cmmd(one, 5 * one) == pytest.approx(0.0, abs=1e-9)


def test_cmmd_does_not_depend_on_how_many_rows_are_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = draw(23, 4, 22), draw(17, 4, 23)
    whole = cmmd(one, other)
    monkeypatch.setattr("vital.scoring.metrics.cmmd._ROWS", 5)
    assert cmmd(one, other) == pytest.approx(whole, rel=1e-9)


def test_diversity_is_the_mean_distance_of_pairs() -> None:
    features, labels = draw(9, 4, 24), torch.tensor([0, 1, 0, 2, 1, 0, 0, 1, 3])
    distances = distances_within(features, labels)
    rows = features.double().numpy()
    for label in (0, 1):
        mine = np.flatnonzero(labels.numpy() == label)
        pairs = [(i, j) for i in mine for j in mine if i < j]
        expected = np.mean([np.linalg.norm(rows[i] - rows[j]) for i, j in pairs])
        assert float(distances[labels == label].mean()) == pytest.approx(expected)
    assert torch.isnan(distances[labels >= 2]).all()


def test_equal_images_have_no_diversity() -> None:
    features = draw(1, 6, 25).expand(5, 6)
    assert distances_within(features, torch.zeros(5)).tolist() == [0.0] * 5


def slow_vote(image: np.ndarray, real: np.ndarray, labels: np.ndarray, count: int) -> int:
    nearest = labels[np.argsort(np.linalg.norm(real - image, axis=1), kind="stable")[:count]]
    votes = {label: int((nearest == label).sum()) for label in nearest}
    return next(int(label) for label in nearest if votes[label] == max(votes.values()))


@pytest.mark.parametrize("count", [1, 2, 5, 99])
def test_nearest_label_is_the_vote_of_the_nearest(count: int) -> None:
    features, real, labels = draw(25, 3, 26), draw(40, 3, 27), torch.arange(40) % 4
    expected = [
        slow_vote(image, real.double().numpy(), labels.numpy(), count)
        for image in features.double().numpy()
    ]
    assert nearest_label(features, real, labels, count).tolist() == expected


def test_the_nearest_are_found_far_from_the_origin_and_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("vital.scoring.metrics.nearest._ROWS", 7)
    features, real, labels = draw(25, 3, 28) + 1e4, draw(200, 3, 29) + 1e4, torch.arange(200)
    expected = [
        slow_vote(image, real.double().numpy(), labels.numpy(), 1)
        for image in features.double().numpy()
    ]
    assert nearest_label(features, real, labels, 1).tolist() == expected


def test_of_many_equally_near_the_first_votes() -> None:
    alike = torch.ones(100, 4)
    assert nearest_label(alike[:1], alike[:20], torch.arange(20), 5).tolist() == [0]


def test_a_drawn_vote_goes_to_the_nearest() -> None:
    real, labels = torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.tensor([7, 5, 5, 7])
    assert nearest_label(torch.tensor([[0.0], [5.0]]), real, labels, 4).tolist() == [7, 7]
    assert nearest_label(torch.tensor([[0.0], [5.0]]), real, labels, 3).tolist() == [5, 5]


def test_zero_shot_logits_are_cosines_to_the_mean_of_prompts() -> None:
    vectors = {
        "a cat": [2.0, 0.0],
        "no cat": [0.0, 5.0],
        "a dog": [-1.0, 0.0],
        "no dog": [-3.0, 0.0],
    }
    classes = class_embeddings(
        lambda texts: torch.tensor([vectors[text] for text in texts]),
        ["cat", "dog"],
        ["a {}", "no {}"],
    )
    half = np.sqrt(0.5)
    np.testing.assert_allclose(classes, [[half, half], [-1.0, 0.0]], atol=1e-6)
    logits = zero_shot_logits(torch.tensor([[0.0, 9.0], [-4.0, 0.0]]), classes)
    np.testing.assert_allclose(logits, [[half, 0.0], [-half, 1.0]], atol=1e-6)


def test_too_few_images_give_no_number() -> None:
    assert cmmd(draw(1, 3, 0), draw(9, 3, 1)) is None
    assert frechet_distance(draw(1, 3, 0), draw(9, 3, 1)) is None
    assert kernel_distance(draw(3, 3, 0), draw(9, 3, 1), subsets=10, seed=0) == (None, None)


def test_centroid_distance_is_one_for_a_typical_real_image() -> None:
    real, labels = draw(60, 4, 6), torch.arange(60) % 3
    distances = centroid_distances(real, labels, real, labels)
    for label in range(3):
        assert float(distances[labels == label].square().mean()) == pytest.approx(1.0)
    center = real[labels == 1].mean(0, keepdim=True)
    assert float(centroid_distances(center, torch.tensor([1]), real, labels)) < 1e-6
    assert torch.isnan(centroid_distances(center, torch.tensor([7]), real, labels)).all()


def test_agreement_counts_the_highest_logits() -> None:
    logits = torch.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [2.0, 3.0, 1.0]])
    labels = torch.tensor([0, 0, 0])
    assert top_k_agreement(logits, labels, 1).tolist() == [True, False, False]
    assert top_k_agreement(logits, labels, 2).tolist() == [True, False, True]
    assert top_k_agreement(logits, labels, 9).tolist() == [True, True, True]


def test_tsne_is_seeded_and_separates_clusters() -> None:
    features = torch.cat([draw(15, 8, 7), draw(15, 8, 8) + 20])
    places = tsne(features, perplexity=50.0, seed=1)
    np.testing.assert_array_equal(places, tsne(features, perplexity=50.0, seed=1))
    inside = np.linalg.norm(places[:15] - places[:15].mean(0), axis=1).mean()
    assert np.linalg.norm(places[:15].mean(0) - places[15:].mean(0)) > 2 * inside


def test_tsne_of_equal_features_is_one_place() -> None:
    places = tsne(draw(1, 8, 10).expand(12, 8), perplexity=5.0, seed=0)
    np.testing.assert_array_equal(places, np.zeros((12, 2)))


def test_held_out_images_are_divided_without_overlap() -> None:
    import pandas as pd

    rows = pd.DataFrame(
        {"unit": [0] * 6 + [1] * 5, "name": "x", "path": [f"{i}.png" for i in range(11)]}
    )
    scored, against = split_held_out(rows, {0: 3, 1: 2}, seed=0)
    assert scored["unit"].tolist() == [0, 0, 0, 1, 1]
    assert set(scored["path"]) | set(against["path"]) == set(rows["path"])
    assert not set(scored["path"]) & set(against["path"])
    with pytest.raises(DataError, match="needs at least 7"):
        split_held_out(rows, {0: 5, 1: 1}, seed=0)
