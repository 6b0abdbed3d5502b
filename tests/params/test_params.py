"""Parameters are checked once, and what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.repository import ROOT
from vital.errors import ParamsError
from vital.params.base import check_block, read_block, read_params
from vital.params.check import check_params
from vital.params.data import DataParams, source_kind
from vital.params.judges import JudgesParams
from vital.params.visualize import MethodParams, VisualizeParams

GOOD = {"steps": 10, "lr": 0.1}


def complaint(**values: object) -> str:
    with pytest.raises(ParamsError) as caught:
        check_block(values, "visualize", VisualizeParams)
    return str(caught.value)


def test_the_projects_own_parameters_are_valid() -> None:
    check_params(read_params(ROOT / "params.yaml"))


def test_a_misspelt_key_names_the_nearest() -> None:
    assert "unknown parameter visualize.stepz; did you mean 'steps'" in complaint(**GOOD, stepz=1)


def test_a_misspelt_nested_key_names_its_full_path() -> None:
    content = read_params(ROOT / "params.yaml")
    content["model"]["train"]["nois"] = 1.0
    with pytest.raises(ParamsError, match=r"model\.train\.nois; did you mean 'noise'"):
        check_params(content)


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
        ("weights", {"conv1": -1.0}),
        ("clamp", "yes"),
    ],
)
def test_a_bad_value_names_its_key(key: str, value: object) -> None:
    message = complaint(**{**GOOD, key: value})
    assert f"visualize.{key}" in message
    assert "cannot be used" in message or "is missing" in message


def test_all_problems_are_listed_at_once() -> None:
    content = read_params(ROOT / "params.yaml")
    content["visualize"]["steps"] = "many"
    content["score"]["perplexity"] = 0
    del content["data"]["size"]
    with pytest.raises(ParamsError) as caught:
        check_params(content)
    for key in ("visualize.steps", "score.perplexity", "data.size is missing"):
        assert key in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("visualise: {}", "unknown block 'visualise'; did you mean 'visualize'"),
        ("seed: 0", "block 'data' is missing"),
        ("seed: [1", "not valid YAML"),
        ("seed: 0\nseed: 1", "not valid YAML"),
        ("- 1", "must hold blocks"),
    ],
)
def test_a_bad_file_is_explained(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ParamsError, match=expected):
        read_params(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="does not exist"):
        read_params(tmp_path / "params.yaml")


@pytest.mark.parametrize("seed", ["zero", -1, True, None, 1.5])
def test_a_bad_seed_is_refused(seed: object) -> None:
    content = {**read_params(ROOT / "params.yaml"), "seed": seed}
    with pytest.raises(ParamsError, match="seed"):
        check_params(content)


def test_short_scientific_notation_is_a_number(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text(encoding="utf-8").replace("tv: 3.0e-3", "tv: 3e-4")
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    assert read_block(read_params(path), "visualize", VisualizeParams).tv == 3e-4


def test_the_method_is_the_part_without_targets() -> None:
    params = check_block({**GOOD, "tv": 0.5}, "visualize", VisualizeParams)
    assert params.method() == MethodParams(steps=10, lr=0.1, tv=0.5)


JUDGE = {"name": "timm/resnet10t", "train": {"steps": 1, "batch": 2, "lr": 0.1}}


def judges_complaint(*judges: object) -> str:
    with pytest.raises(ParamsError) as caught:
        check_block(list(judges), "judges", JudgesParams)
    return str(caught.value)


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


PER_CLASS = {"train": 4, "validation": 2, "heldout": 4}


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"source": "photographs"}, "data.size is missing: the source 'photographs'"),
        (
            {"source": "photographs", "size": 24, "root": "x", "splits": {"train": "a"}},
            "data.root has no meaning for the source 'photographs'\ndata.splits has no meaning",
        ),
        ({"source": "photos/", "columns": {"image": "x"}}, "data.columns has no meaning"),
        ({"source": "a.tar", "splits": {"train": "x"}}, "data.splits has no meaning"),
        ({"source": "torch/mnist"}, "data.root is missing: the source 'torch/mnist'"),
        ({"source": "hfds/"}, "data.source 'hfds/' names no images"),
        ({"source": " "}, "data.source ' ' names no images"),
        ({"source": "tfds/mnist"}, "data.source 'tfds/mnist' cannot be read here"),
        ({"source": "x", "splits": {"train": "a", "valid": "b"}}, "did you mean 'validation'"),
        ({"source": "x", "splits": {"heldout": "b"}}, "data.splits.train is missing"),
        ({"source": "x", "classes": []}, "data.classes"),
        ({"source": "x", "size": 3}, "data.size: 3 cannot be used"),
    ],
)
def test_what_does_not_fit_a_source_is_named(block: dict[str, object], expected: str) -> None:
    with pytest.raises(ParamsError) as caught:
        check_block({"per_class": PER_CLASS, **block}, "data", DataParams)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("photographs", "photographs"),
        ("./photographs", "folder"),
        ("photos", "folder"),
        ("./wds/x", "folder"),
        ("hfds/x/y", "hfds"),
        ("HFDS/x", "hfds"),
        ("a/b.CSV", "table"),
        ("b.parquet", "table"),
        ("a.tar", "tar"),
    ],
)
def test_a_source_says_what_reads_it(source: str, kind: str) -> None:
    assert source_kind(source) == kind
