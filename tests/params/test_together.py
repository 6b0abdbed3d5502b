"""What blocks need of each other, and what has no effect beside others."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.repository import ROOT
from vital.errors import ParamsError
from vital.params.base import read_params
from vital.params.together import check_together, without_effect

COARSE = {"steps": 10, "pool": 2}


@pytest.fixture
def content() -> dict[str, Any]:
    return read_params(ROOT / "params.yaml")


def test_the_projects_own_parameters_all_have_an_effect(content: dict[str, Any]) -> None:
    check_together(content)
    assert without_effect(content) == {}


def test_a_coarse_phase_needs_equally_pooled_statistics(content: dict[str, Any]) -> None:
    content["visualize"]["coarse"] = COARSE
    content["visualize"]["inner"]["coarse"] = {**COARSE, "pool": 4}
    with pytest.raises(ParamsError) as caught:
        check_together(content)
    classes, inner = str(caught.value).splitlines()
    assert classes.startswith("visualize.coarse.pool: 2, but no statistics are kept")
    assert inner.startswith("visualize.inner.coarse.pool: 4, but no statistics are kept")
    content["extract"]["pools"] = [2, 4]
    check_together(content)
    assert without_effect(content) == {}
    content["units"] = {}
    content["extract"]["pools"] = [2]
    check_together(content)  # without inner units there is no such phase
    content["methods"] = ["maco"]
    content["extract"]["pools"] = []
    check_together(content)


@pytest.mark.parametrize(
    ("block", "key", "value", "named"),
    [
        ("extract", "pools", [2, 3], "extract.pools"),
        ("visualize", "ray", {"workers": 3}, "visualize.ray"),
        ("extract", "ray", {"retries": 1}, "extract.ray"),
        ("visualize", "fourier", {"start": 0.1}, "visualize.fourier"),
    ],
)
def test_what_has_no_effect_is_named(
    block: str, key: str, value: object, named: str, content: dict[str, Any]
) -> None:
    content[block][key] = value
    assert list(without_effect(content)) == [named]


def test_where_relevance_starts_has_no_effect_without_relevance(content: dict[str, Any]) -> None:
    content["relevance"] = {"composite": None, "start": "position"}
    assert "relevance.composite is null" in without_effect(content)["relevance.start"]


def test_settings_of_inner_units_have_no_effect_only_where_there_are_some(
    content: dict[str, Any],
) -> None:
    content["visualize"]["fourier"] = {"start": 0.1}
    content["visualize"]["inner"] = {"parametrization": "fourier"}
    assert without_effect(content) == {}
    content["units"] = {}
    assert list(without_effect(content)) == ["visualize.fourier"]
    content["methods"] = ["maco"]
    assert without_effect(content) == {}
