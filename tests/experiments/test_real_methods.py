"""The benchmark of methods on real networks: fair times, and a whole small run on a device."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from experiments import real_methods, real_networks
from experiments.real_methods import CASES, main, params_of, shorten, steps_within
from helpers.commands import run_main
from helpers.pretended_device import PretendedDevice
from vital.params.check import check_params
from vital.report.formatting import MINUS

FOLDER = os.environ.get("VITAL_REAL_DATA")


@pytest.mark.parametrize(("fixed", "step"), [(0.5, 0.01), (3.0, 0.2), (0.0, 0.004)])
def test_as_many_steps_as_fit_in_a_time(fixed: float, step: float) -> None:
    """The first call takes longer, as it does where something is done but once."""
    waits = iter([7.0])
    steps = steps_within(10.0, lambda count: fixed + step * count + next(waits, 0.0))
    assert 10.0 - step <= fixed + step * steps <= 10.0


def test_there_is_at_least_one_step_and_a_clock_that_trembles_is_survived() -> None:
    assert steps_within(1.0, lambda count: 5.0 + count) == 1
    assert steps_within(1.0, lambda count: 2.0 - 0.01 * count) == 1
    assert steps_within(4.0, lambda count: 2.0 - 0.01 * count) < 1000


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_valid_and_can_be_shortened(name: str, tmp_path: Path) -> None:
    images = real_networks.CASES[CASES[name].of].images
    for folder in ("b", "a", "c"):
        (tmp_path / images / "train" / folder).mkdir(parents=True)
    content = params_of(CASES[name], tmp_path, "cpu", "published")
    check_params(content)
    assert content["visualize"]["seeds"] == CASES[name].seeds
    shorten(content, classes=2, seeds=1, steps=3, judge_steps=4)
    check_params(content)
    assert content["data"]["classes"] == ["a", "b"]
    assert content["judges"][0]["train"]["steps"] == 4


@pytest.mark.skipif(FOLDER is None, reason="VITAL_REAL_DATA is not set")
@pytest.mark.parametrize("equal", ["passes", "seconds"])
def test_a_small_run_on_a_device(
    equal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = real_methods.Case("cifar_resnet20", ("vital", "maco", "deepinversion"), 2, equal, 2)  # type: ignore[arg-type]
    monkeypatch.setattr(real_methods, "CASES", {"small": case})
    monkeypatch.setattr(real_methods, "PROBES", (2, 3))
    options = ["--device", "cuda", "--classes", "2", "--steps", "3", "--out", str(tmp_path)]
    with PretendedDevice():
        ended = run_main(main, *options)
    lines = [json.loads(line) for line in (tmp_path / "small.jsonl").read_text().splitlines()]
    assert ended.exit_code == 0
    assert ended.stdout.startswith((tmp_path / "small.jsonl").read_text())
    assert lines[0]["judge"] == "densenet"
    by_method = {line["method"]: line for line in lines[1:]}
    assert set(by_method) == {*case.methods, "real"}
    assert by_method["vital"]["steps"] == 3
    assert all(0 <= by_method[name]["probability"] <= 1 for name in by_method)
    assert len(by_method["maco"]["vital_minus_this"]["transfer_densenet_accuracy_top1"]) == 3
    assert f"| vital {MINUS} maco |" in (tmp_path / "small.md").read_text(encoding="utf-8")
    assert Image.open(tmp_path / "small-maco.png").size == (64, 64)
