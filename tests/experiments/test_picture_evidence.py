"""What is said of pictures beside photographs, on pictures that can be worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from experiments.picture_evidence import OCTAVES, nearest_over_least, octave_powers, top1
from vital.scoring.seen import Seen

SIDE = 224


def seen(features: list[list[float]], labels: list[int], logits: torch.Tensor) -> Seen:
    return Seen(torch.tensor(features), logits, torch.tensor(labels))


def test_a_wave_lies_in_its_octave() -> None:
    for octave in range(OCTAVES):
        wave = torch.cos(2 * math.pi * 2**octave * torch.arange(SIDE) / SIDE).expand(3, SIDE, SIDE)
        powers = octave_powers([wave])
        assert powers.argmax() == octave
        assert powers.sum() == pytest.approx(float(powers[octave]))


def test_white_noise_has_its_variance_in_every_octave() -> None:
    draws = torch.Generator().manual_seed(0)
    noise = [0.3 * torch.randn(3, SIDE, SIDE, generator=draws) for _ in range(40)]
    assert octave_powers(noise).tolist() == pytest.approx([0.09] * OCTAVES, rel=0.15)


def test_the_nearest_reference_is_of_the_same_class() -> None:
    nothing = torch.zeros(4, 2)
    references = seen([[0.0, 0], [4, 0], [0, 10], [0, 12]], [0, 0, 1, 1], nothing)
    images = seen([[0.0, 11], [0, 7]], [0, 1], nothing[:2])
    # Of class 0: 11 over 4; of class 1: 3 over 2. That class 1 has one nearer is no matter.
    assert nearest_over_least(images, references) == pytest.approx(1.5)


def test_top1_counts_the_images_asked_for() -> None:
    logits = torch.tensor([[0.0, 0], [0, math.log(3)], [1, 0]])
    images = seen([[0.0]] * 3, [0, 1, 1], logits)
    assert top1(images, torch.tensor([False, True, False])) == "100 (0.75)"
    assert top1(images, torch.tensor([False, True, True])) == "50 (0.51)"
