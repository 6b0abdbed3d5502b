"""The benchmark of all methods on the default: what it asks for fits."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from experiments.compare_methods import BUDGETS, ROOT, main
from helpers.commands import run_main
from vital.params.methods import METHODS
from vital.pipeline.profiles import compose_profile


@pytest.mark.parametrize("budget", BUDGETS)
def test_every_method_makes_a_hundred_images_and_more_are_held_out(budget: str) -> None:
    text = compose_profile(ROOT / "profiles", f"photographs+compare+{budget}")
    content = YAML(typ="safe").load(text)
    assert set(content["methods"]) == set(METHODS)
    assert content["peers"]["budget"] == budget
    assert content["units"] is None
    seeds, held_out = content["visualize"]["seeds"], content["data"]["per_class"]["heldout"]
    assert 10 <= seeds <= held_out - 2
    assert content["judges"]


def test_an_unknown_budget_names_the_nearest() -> None:
    done = run_main(main, "--budget", "publishd")
    assert done.exit_code == 2
    assert "published" in done.output
