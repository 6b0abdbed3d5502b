"""What a network gives for a blank image: how many logits, or why none."""

from __future__ import annotations

import pytest
from torch import nn

from helpers.counting_network import Counting, Pair
from vital.errors import ModelError
from vital.networks.build import outline_network
from vital.networks.probe import count_logits


def test_logits_are_counted_by_running() -> None:
    assert count_logits(Counting(), (9, 9)) == 5
    assert count_logits(outline_network("timm/test_resnet", {"num_classes": 7}), (64, 64)) == 7


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (nn.Conv2d(3, 4, 3), r"gives \(1, 4, 7, 7\) for one image"),
        (Pair(), "gives tuple for one image"),
    ],
)
def test_what_is_no_row_of_logits_is_refused(network: nn.Module, expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        count_logits(network, (9, 9))


def test_a_network_without_a_classifier_knows_no_classes() -> None:
    with pytest.raises(ModelError, match=r"no classifier.*num_classes"):
        count_logits(outline_network("timm/test_resnet", {"num_classes": 0}), (64, 64))
