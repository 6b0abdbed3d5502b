"""CMMD against its definition and in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.features import draw, slow_mmd
from vital.scoring.metrics.cmmd import cmmd


def gaussian(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    return float(np.exp(-((a - b) ** 2).sum() / (2 * 10.0**2)))


def test_cmmd_equals_its_definition() -> None:
    one, other = draw(11, 5, 20), 3 * draw(14, 5, 21) + 1
    expected = 1000 * slow_mmd(one.double().numpy(), other.double().numpy(), gaussian)
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


def test_too_few_images_give_no_number() -> None:
    assert cmmd(draw(1, 3, 0), draw(9, 3, 1)) is None
