"""The block ``judges``."""

from __future__ import annotations

from helpers.params import complaint
from vital.params.base import check_block, read_block
from vital.params.judges import JudgesParams

JUDGE = {"name": "timm/resnet10t", "train": {"steps": 1, "batch": 2, "lr": 0.1}}


def judges_complaint(*judges: object) -> str:
    return complaint(list(judges), "judges", JudgesParams)


def test_judges_are_a_list_of_networks() -> None:
    named = check_block([JUDGE, {**JUDGE, "alias": "again"}], "judges", JudgesParams)
    assert [judge.called for judge in named.root] == ["resnet10t", "again"]
    assert read_block({"judges": None}, "judges", JudgesParams).root == ()
    called = [{"name": name, "pretrained": True} for name in ("timm/a-b.c", "python:my.nets:small")]
    params = check_block(called, "judges", JudgesParams)
    assert [judge.called for judge in params.root] == ["a_b_c", "small"]


def test_what_is_wrong_with_a_judge_is_named() -> None:
    assert "judges.0.alias: 'a/../b' cannot be used" in judges_complaint(
        {**JUDGE, "alias": "a/../b"}
    )
    assert "holds 2 judges called 'resnet10t'" in judges_complaint(JUDGE, JUDGE)
    assert "parameter judges.1.name is missing" in judges_complaint(JUDGE, {})
    wrong = judges_complaint({**JUDGE, "train": {**JUDGE["train"], "stepz": 3}})  # type: ignore[dict-item]
    assert "unknown parameter judges.0.train.stepz; did you mean 'steps'" in wrong
