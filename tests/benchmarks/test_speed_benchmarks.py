"""Benchmarks of speed compare loops that do the same work, and say what they measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks import extract, knots, loops, scale, score, step
from benchmarks.loops import NaiveLoop, Subject, VitalLoop
from helpers.commands import run_main
from vital.networks.memory_layout import layout_of
from vital.references.quantiles import TapStatistics
from vital.references.reference_sets import ReferenceSet
from vital.references.statistics_files import write_statistics

MODEL = "timm/test_resnet"


def lines(main: Callable[..., None], *options: str) -> list[dict[str, Any]]:
    result = run_main(main, *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module", autouse=True)
def few_references() -> Iterator[None]:
    """What is measured here is nothing; what a real measurement reads takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loops, "REFERENCES", 5)
        yield


@pytest.fixture(scope="module")
def subject() -> Subject:
    return Subject.of(MODEL, torch.device("cpu"), "tf32", seed=0)


def test_the_naive_loop_and_ours_reach_the_same_loss(subject: Subject) -> None:
    images = subject.images(2)
    with VitalLoop(subject, 2) as ours, NaiveLoop(subject) as plain:
        first, last = plain.run(images, 1), plain.run(images, 5)
        assert last < first
        assert ours.run(images, 5) == pytest.approx(last, rel=1e-4)


def test_a_step_is_compared_with_each_baseline() -> None:
    options = ("--model", MODEL, "--batch", "1", "--steps", "1", "--turns", "1")
    bare, naive = lines(step.main, *options, "--against", "bare", "--against", "naive")
    assert bare["ratio"] == pytest.approx(bare["seconds"] / bare["baseline_seconds"])
    assert naive["ratio"] == pytest.approx(naive["baseline_seconds"] / naive["seconds"])
    assert bare["seconds"] == naive["seconds"]


def test_a_step_is_compared_with_itself_run_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vital.engine.precision.multiplies_bfloat16", lambda: True)
    options = ("--model", MODEL, "--batch", "1", "--steps", "1", "--turns", "1")
    others = ("bfloat16", "contiguous", "bare-contiguous")
    found = lines(step.main, *options, *(word for one in others for word in ("--against", one)))
    assert [line["against"] for line in found] == list(others)
    for line in found:
        assert line["ratio"] == pytest.approx(line["seconds"] / line["baseline_seconds"])


def test_a_contiguous_subject_is_the_same_network_laid_out_otherwise(subject: Subject) -> None:
    plain = subject.contiguous()
    assert layout_of(subject.network) == "channels last"
    assert layout_of(plain.network) == "contiguous"
    for one, other in zip(subject.network.parameters(), plain.network.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_step_over_waves_is_compared_with_one_over_pixels() -> None:
    options = ("--model", MODEL, "--batch", "1", "--steps", "2", "--turns", "1")
    (line,) = lines(step.main, *options, "--parametrization", "fourier", "--against", "pixels")
    assert line["parametrization"] == "fourier"
    assert line["ratio"] == pytest.approx(line["seconds"] / line["baseline_seconds"])


def test_extracting_is_compared_with_the_bare_pass() -> None:
    (line,) = lines(extract.main, "--model", MODEL, "--batch", "1", "--repeats", "1")
    assert line["ratio"] == pytest.approx(line["seconds"] / line["baseline_seconds"])


def test_knots_of_a_straight_line_err_by_nothing(tmp_path: Path) -> None:
    line = np.linspace(0, 1, 100, dtype=np.float32)[None].repeat(3, axis=0)
    ones = np.ones(3, np.float32)
    kept = TapStatistics(line, ones, ones, ones, 1)
    write_statistics(tmp_path, ["layer1"], {}, [(ReferenceSet("class/0"), {"layer1": kept})])
    found = lines(knots.main, str(tmp_path))
    assert {row["knots"] for row in found} == {32, 64}
    assert all(row["greatest"] == pytest.approx(0.0, abs=1e-5) for row in found)
    assert found[0]["gib_exact"] == pytest.approx(8.6, abs=0.01)


def test_scoring_agrees_with_its_plain_versions() -> None:
    sizes = ("--images", "60", "--real", "80", "--features", "16", "--classes", "20")
    (line,) = lines(score.main, *sizes, "--turns", "1", "--no-memory")
    assert line["ratio"] == pytest.approx(line["baseline_seconds"] / line["seconds"], rel=0.1)
    found = line["metrics"]
    assert sum(one["share"] for one in found.values()) == pytest.approx(1, abs=0.01)
    assert all(found[name]["difference"] < 1e-6 for name in ("frechet", "kid", "neighbours"))
    assert found["intervals"]["difference"] < 0.05  # other draws of the same distribution


@pytest.mark.slow
def test_the_whole_pipeline_is_measured_at_a_given_scale(tmp_path: Path) -> None:
    sizes = ("--classes", "3", "--references", "4", "--heldout", "4", "--method", "vital")
    (line,) = lines(scale.main, *sizes, "--folder", str(tmp_path))
    assert list(line["stages"])[:2] == ["inputs", "prepare"]
    assert {"visualize@vital", "score", "report"} <= set(line["stages"])
    # A manifest and what was left out lie beside the images.
    assert line["stages"]["prepare"]["files"] == 3 * (4 + 5 + 4) + 2
    assert all(stage["peak_mib"] > 50 for stage in line["stages"].values())
    assert line["seconds"] == pytest.approx(
        sum(stage["seconds"] for stage in line["stages"].values()) + line["dvc_seconds"], abs=1
    )
    assert line["noop_seconds"] < line["seconds"]
