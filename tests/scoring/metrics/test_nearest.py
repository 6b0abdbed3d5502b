"""The vote of the nearest real images against a slow one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.features import draw
from vital.scoring.metrics.nearest import nearest_label


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
