"""The block ``visualize``: what it refuses, and the part of it that is the method."""

from __future__ import annotations

import pytest

from helpers.params import complaint
from vital.params.base import check_block
from vital.params.visualize import MethodParams, VisualizeParams

GOOD = {"steps": 10, "lr": 0.1}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("steps", "300"),
        ("steps", 1.5),
        ("steps", 0),
        ("steps", True),
        ("lr", "fast"),
        ("lr", -1.0),
        ("lr", float("nan")),
        ("betas", [0.5]),
        ("betas", [0.5, 1.0]),
        ("warmup", 1.5),
        ("weighting", "log"),
        ("tap_weights", {"conv1": -1.0}),
        ("clamp", "yes"),
    ],
)
def test_a_bad_value_names_its_key(key: str, value: object) -> None:
    message = complaint({**GOOD, key: value}, "visualize", VisualizeParams)
    assert f"visualize.{key}" in message
    assert "cannot be used" in message or "is missing" in message


def test_the_method_is_the_part_without_targets() -> None:
    params = check_block({**GOOD, "tv": 0.5}, "visualize", VisualizeParams)
    assert params.method() == MethodParams(steps=10, lr=0.1, tv=0.5)
