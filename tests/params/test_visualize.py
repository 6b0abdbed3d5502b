"""The block ``visualize``: what it refuses, and the part of it that is the method."""

from __future__ import annotations

import pytest

from helpers.params import complaint
from vital.params.base import check_block
from vital.params.visualize import MethodParams, PolishParams, SpectrumParams, VisualizeParams

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
        ("scale", -0.1),
        ("scale", 0.6),
        ("parametrization", "wavelets"),
        ("fourier", None),
        ("fourier.start", -0.1),
        ("fourier.exponent", 4.1),
        ("polish", {"steps": 4}),
        ("polish.lr", 0),
        ("inner.parametrization", "wavelets"),
        ("inner.fourier.exponent", -1),
    ],
)
def test_a_bad_value_names_its_key(key: str, value: object) -> None:
    *blocks, last = key.split(".")
    content: dict[str, object] = {last: value}
    for block in reversed(blocks):
        content = {block: content}
    message = complaint({**GOOD, **content}, "visualize", VisualizeParams)
    assert f"visualize.{key}" in message
    assert "cannot be used" in message or "is missing" in message


def test_the_method_is_the_part_without_targets() -> None:
    params = check_block({**GOOD, "tv": 0.5}, "visualize", VisualizeParams)
    assert params.method() == MethodParams(steps=10, lr=0.1, tv=0.5)


def test_inner_units_have_phases_of_their_own() -> None:
    coarse, polish = {"steps": 4, "pool": 2}, {"steps": 5, "lr": 0.1}
    for_classes = {**GOOD, "coarse": coarse, "polish": polish}
    params = check_block(for_classes, "visualize", VisualizeParams)
    assert params.for_inner().method() == MethodParams(steps=10, lr=0.1)
    own = {**GOOD, "inner": {"coarse": coarse, "polish": polish}}
    params = check_block(own, "visualize", VisualizeParams)
    assert (params.coarse, params.polish) == (None, None)
    assert params.for_inner().polish == PolishParams(steps=5, lr=0.1)


def test_inner_units_are_made_as_classes_are_unless_they_say_otherwise() -> None:
    fourier = {"parametrization": "fourier", "fourier": {"start": 0.1}, "scale": 0.2}
    as_classes = check_block({**GOOD, **fourier}, "visualize", VisualizeParams).for_inner()
    assert as_classes.parametrization == "fourier"
    assert as_classes.fourier == SpectrumParams(start=0.1)
    block = {**GOOD, "inner": fourier}
    classes = check_block(block, "visualize", VisualizeParams)
    assert classes.method() == MethodParams(steps=10, lr=0.1)
    assert classes.for_inner().method() == as_classes.method()


OWN = {"fourier": {"start": 0.1}}
WAVES = {"parametrization": "fourier"}
POLISH = {"steps": 5, "lr": 0.1}


@pytest.mark.parametrize(
    ("changes", "classes_alone", "with_inner"),
    [
        ({}, [], []),
        ({"clamp": False}, [], []),
        (OWN, ["fourier"], ["fourier"]),
        ({**OWN, **WAVES}, [], []),
        ({**OWN, "inner": WAVES}, ["fourier"], []),
        ({**OWN, "inner": {**WAVES, **OWN}}, ["fourier"], ["fourier"]),
        ({**WAVES, "clamp": False}, ["clamp"], ["clamp"]),
        ({**WAVES, "clamp": False, "polish": POLISH}, [], []),
        ({**WAVES, "clamp": False, "inner": {"polish": POLISH}}, ["clamp"], []),
        ({**WAVES, "clamp": False, "inner": {"parametrization": "pixels"}}, ["clamp"], []),
        ({"clamp": False, "inner": WAVES}, [], []),
        ({"inner": OWN}, [], ["inner.fourier"]),
        ({**WAVES, "inner": OWN}, [], []),
        ({**WAVES, "inner": {"parametrization": "pixels", **OWN}}, [], ["inner.fourier"]),
    ],
)
def test_what_describes_other_numbers_has_no_effect(
    changes: dict[str, object], classes_alone: list[str], with_inner: list[str]
) -> None:
    params = check_block({**GOOD, **changes}, "visualize", VisualizeParams)
    assert list(params.without_effect(with_inner=False)) == classes_alone
    assert list(params.without_effect(with_inner=True)) == with_inner
