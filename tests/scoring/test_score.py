"""The score stage's work on a tiny network: observers, tables, intervals, differences."""

from __future__ import annotations

import copy
import logging
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from helpers.pretended_device import PRETENDED, PretendedDevice
from helpers.small_networks import CPU, KWARGS, write_noise
from vital.artefacts.scores import Scores, write_scores
from vital.errors import DataError, ModelError
from vital.networks.build import build_network, freeze
from vital.networks.judges import Judge
from vital.networks.model import StudiedModel
from vital.params.base import check_block
from vital.params.score import ScoreParams
from vital.runtime.files import read_json, write_json
from vital.runtime.seeds import derive_seed
from vital.runtime.table_files import write_parquet
from vital.scoring.bootstrap import mean_interval
from vital.scoring.score import Scoring, score_methods
from vital.scoring.scored_images import photographs

CLASSES = range(4)
HELD_OUT = 7
SEEDS = {"vital": 2, "maco": 3}
PERMUTATION = (2, 0, 3, 1)
"""The studied network's class at each place of the judge's logits."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Images of noise: real ones, and those of two methods with their index."""
    root = tmp_path_factory.mktemp("scored")
    write_noise(root / "real", len(CLASSES) * HELD_OUT, seed=0)
    for place, (method, seeds) in enumerate(SEEDS.items(), start=1):
        write_noise(root / method, len(CLASSES) * seeds, seed=place)
        rows = [
            {"tap": "class", "unit": unit, "name": str(unit), "seed": seed,
             "image": f"{unit * seeds + seed}.png"}
            for unit in CLASSES for seed in range(seeds)
        ]  # fmt: skip
        write_parquet(root / method / "index.parquet", pd.DataFrame(rows))
    return {name: root / name for name in ("real", *SEEDS)}


@pytest.fixture(scope="module")
def held_out() -> pd.DataFrame:
    rows = [
        {"label": unit, "class_name": str(unit), "path": f"{unit * HELD_OUT + number}.png"}
        for unit in CLASSES
        for number in range(HELD_OUT)
    ]
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def model(studied: StudiedModel) -> StudiedModel:
    """A network of random weights that tells images of noise apart."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network("timm/resnet10t", {**KWARGS, "zero_init_last": False})
    return replace(studied, network=freeze(network))


@pytest.fixture(scope="module")
def judge(model: StudiedModel) -> Judge:
    """The studied network itself, with its classes in another order."""
    network = copy.deepcopy(model.network)
    order = list(PERMUTATION)
    weights = {name: model.network.state_dict()[name][order] for name in ("fc.weight", "fc.bias")}
    network.load_state_dict(weights, strict=False)
    names = tuple(model.classes[unit] for unit in order)
    return Judge(
        replace(model, network=network, classes=names),
        {unit: order.index(unit) for unit in CLASSES},
    )


@pytest.fixture(scope="module")
def score(
    model: StudiedModel, judge: Judge, folders: dict[str, Path], held_out: pd.DataFrame
) -> Callable[..., Scores]:
    def run(*methods: str, **block: object) -> Scores:
        params = check_block({"perplexity": 5.0, "resamples": 200, **block}, "score", ScoreParams)
        chosen = {method: folders[method] for method in methods}
        real = photographs(folders["real"], held_out)
        return score_methods(Scoring(model, {"twin": judge}, chosen, real, params, 0, CPU))

    return run


@pytest.fixture(scope="module")
def scores(score: Callable[..., Scores]) -> Scores:
    return score("vital", "maco")


def test_scores_are_the_same_on_a_device(
    model: StudiedModel,
    judge: Judge,
    folders: dict[str, Path],
    held_out: pd.DataFrame,
    scores: Scores,
) -> None:
    params = check_block({"perplexity": 5.0, "resamples": 200}, "score", ScoreParams)
    chosen = {method: folders[method] for method in ("vital", "maco")}
    own, other = (replace(one, network=copy.deepcopy(one.network)) for one in (model, judge.model))
    twin = {"twin": replace(judge, model=other)}
    real = photographs(folders["real"], held_out)
    with PretendedDevice():
        there = score_methods(Scoring(own, twin, chosen, real, params, 0, PRETENDED))
    assert there.metrics.keys() == scores.metrics.keys()
    for kind, row in scores.metrics.items():  # the CPU's maps lie channels last and round otherwise
        missing = {name for name, value in row.items() if value is None}
        assert {name for name, value in there.metrics[kind].items() if value is None} == missing
        for name in row.keys() - missing:
            assert there.metrics[kind][name] == pytest.approx(row[name], rel=1e-4, abs=1e-5), name


def test_every_row_has_the_same_metrics_and_its_counts(scores: Scores) -> None:
    vital, maco, real = (scores.metrics[kind] for kind in ("vital", "maco", "real"))
    assert set(vital) == set(maco) == set(real)
    assert (vital["n"], maco["n"], real["n"]) == (8, 12, 12)
    assert {row["m"] for row in scores.metrics.values()} == {len(CLASSES) * (HELD_OUT - 3)}


def test_a_judge_finds_its_classes_whatever_their_order(scores: Scores) -> None:
    """It is the studied network, so all that does not depend on random subsets is equal."""
    for row in scores.metrics.values():
        for name in ("accuracy_top1", "accuracy_top5", "centroid_distance", "frechet"):
            assert row[f"transfer_twin_{name}"] == pytest.approx(row[name], abs=2e-5)
    top1 = scores.targets["top1"]
    assert (scores.targets["transfer_twin_accuracy_top1"] == top1).all()
    assert 0 < top1.mean() < 1, "else the order of classes would not matter"


def test_metrics_are_the_means_of_the_rows(scores: Scores) -> None:
    columns = {"accuracy_top1": "top1", "knn_accuracy": "knn_top1", "diversity": "diversity"}
    for method, rows in scores.targets.groupby("method"):
        for metric, column in columns.items():
            expected = float(rows[column].mean())
            assert scores.metrics[str(method)][metric] == pytest.approx(expected, abs=1e-6)
    assert (scores.targets["knn_top1"] == (scores.targets["knn"] == scores.targets["unit"])).all()


def test_intervals_and_differences_are_over_classes(scores: Scores) -> None:
    rows = scores.targets
    classes = {
        method: group.groupby("unit")["centroid_distance"].mean().to_numpy()
        for method, group in rows.groupby("method")
    }
    seed = derive_seed(0, "score", "bootstrap")
    intervals = scores.intervals.set_index(["metric", "method"])
    differences = scores.differences.set_index(["metric", "against"])
    for method, values in classes.items():
        found = intervals.loc[("centroid_distance", method)]
        expected = mean_interval(values, 200, 0.95, seed)
        bounds = (expected.mean, expected.low, expected.high)
        np.testing.assert_allclose(found[["value", "low", "high"]].astype(float), bounds, atol=1e-6)
        assert (found["n"], found["n_classes"]) == (int((rows["method"] == method).sum()), 4)
    for other in ("maco", "real"):
        expected = mean_interval(classes["vital"] - classes[other], 200, 0.95, seed)
        found = differences.loc[("centroid_distance", other)]
        bounds = (expected.mean, expected.low, expected.high)
        np.testing.assert_allclose(
            found[["difference", "low", "high"]].astype(float), bounds, atol=1e-6
        )
    assert set(scores.differences["method"]) == {"vital"}


def test_what_cannot_be_computed_is_null_with_a_reason(
    score: Callable[..., Scores], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        scores = score("vital", inception="nowhere.pth")
    for method in ("vital", "real"):
        nulls = {name for name, value in scores.metrics[method].items() if value is None}
        assert nulls == set(scores.reasons[method])
        assert nulls == {
            "zeroshot_top1", "zeroshot_top5", "cmmd", "fid", "inception_kid", "inception_kid_std",
        }  # fmt: skip
        assert scores.reasons[method]["cmmd"] == "score.clip names no model"
        assert "nowhere.pth does not exist" in scores.reasons[method]["fid"]
    assert len(caplog.records) == 2, "one line per reason, not per metric and method"


def test_too_few_images_are_a_reason(
    score: Callable[..., Scores], folders: dict[str, Path]
) -> None:
    index = pd.read_parquet(folders["vital"] / "index.parquet")
    single = folders["vital"].with_name("single")
    write_noise(single, 2, seed=9)
    write_parquet(single / "index.parquet", index[index["seed"] == 0].iloc[:1])
    folders["single"] = single
    scores = score("single")
    reasons = scores.reasons["single"]
    assert reasons["diversity"] == "it needs two images of a class"
    assert reasons["frechet"] == reasons["transfer_twin_frechet"] == "it needs two images"
    assert reasons["kid_std"] == "it needs four images"
    assert scores.metrics["single"]["diversity"] is None
    assert np.isnan(
        scores.intervals.set_index(["metric", "method"]).loc[("diversity", "single"), "low"]
    )
    assert scores.differences.empty, "there is no vital to compare with"


def test_the_same_seed_gives_the_same_values(score: Callable[..., Scores], scores: Scores) -> None:
    again = score("vital", "maco")
    assert again.metrics == scores.metrics
    for name in ("targets", "intervals", "differences", "embedding"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(scores, name))


def test_metrics_are_plain_json(scores: Scores, tmp_path: Path) -> None:
    for content in (scores.metrics, scores.reasons):
        write_json(tmp_path / "content.json", content)
        assert read_json(tmp_path / "content.json") == content


def test_a_class_with_too_few_held_out_images_is_named(
    score: Callable[..., Scores],
    held_out: pd.DataFrame,
    model: StudiedModel,
    folders: dict[str, Path],
) -> None:
    few = held_out[(held_out["label"] != 2) | (held_out.index % HELD_OUT < 3)]
    real, chosen = photographs(folders["real"], few), {"vital": folders["vital"]}
    with pytest.raises(DataError, match="class '2' has 3 held-out images"):
        score_methods(Scoring(model, {}, chosen, real, ScoreParams(), 0, CPU))


def spoiled(model: StudiedModel, bad: float) -> StudiedModel:
    """Its logits of the brightest image of a batch are not finite."""
    network = copy.deepcopy(model.network)

    def spoil(_module: object, given: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        means = given[0].mean((1, 2, 3))
        return output.masked_fill((means == means.max())[:, None], bad)

    network.register_forward_hook(spoil)
    return replace(model, network=network)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_judge_that_gives_no_numbers_has_null_metrics_with_a_reason(
    model: StudiedModel,
    judge: Judge,
    folders: dict[str, Path],
    held_out: pd.DataFrame,
    score: Callable[..., Scores],
    bad: float,
) -> None:
    params = check_block({"perplexity": 5.0, "resamples": 200}, "score", ScoreParams)
    judges = {"twin": replace(judge, model=spoiled(judge.model, bad)), "good": judge}
    real = photographs(folders["real"], held_out)
    chosen = {"vital": folders["vital"]}
    healthy = score("vital")
    found = score_methods(Scoring(model, judges, chosen, real, params, 0, CPU))
    for method in ("vital", "real"):
        for name, value in healthy.metrics[method].items():
            if name.startswith("transfer_twin"):
                assert found.metrics[method][name] is None
                reason = found.reasons[method][name]
                assert re.fullmatch(r"judge twin's logits of \d+\.png .*not finite.*", reason)
            else:
                assert found.metrics[method][name] == value
    assert found.metrics["vital"]["transfer_good_accuracy_top1"] is not None
    write_scores(folders["vital"].with_name("scores"), found)


def test_a_studied_network_that_gives_no_numbers_is_an_error(
    model: StudiedModel, folders: dict[str, Path], held_out: pd.DataFrame
) -> None:
    real, chosen = photographs(folders["real"], held_out), {"vital": folders["vital"]}
    scoring = Scoring(spoiled(model, np.nan), {}, chosen, real, ScoreParams(), 0, CPU)
    with pytest.raises(ModelError, match=r"the studied network's logits of .*\.png.* not finite"):
        score_methods(scoring)
