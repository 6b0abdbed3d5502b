"""All parameters are checked at once, and what is wrong is named."""

from __future__ import annotations

import pytest

from helpers.repository import ROOT
from vital.errors import ParamsError
from vital.params.base import read_params
from vital.params.check import check_params


def test_the_projects_own_parameters_are_valid() -> None:
    check_params(read_params(ROOT / "params.yaml"))


def test_a_misspelt_nested_key_names_its_full_path() -> None:
    content = read_params(ROOT / "params.yaml")
    content["model"]["train"]["nois"] = 1.0
    with pytest.raises(ParamsError, match=r"model\.train\.nois; did you mean 'noise'"):
        check_params(content)


def test_all_problems_are_listed_at_once() -> None:
    content = read_params(ROOT / "params.yaml")
    content["visualize"]["steps"] = "many"
    content["score"]["perplexity"] = 0
    del content["data"]["size"]
    with pytest.raises(ParamsError) as caught:
        check_params(content)
    for key in ("visualize.steps", "score.perplexity", "data.size is missing"):
        assert key in str(caught.value)


@pytest.mark.parametrize("seed", ["zero", -1, True, None, 1.5])
def test_a_bad_seed_is_refused(seed: object) -> None:
    content = {**read_params(ROOT / "params.yaml"), "seed": seed}
    with pytest.raises(ParamsError, match="seed"):
        check_params(content)
