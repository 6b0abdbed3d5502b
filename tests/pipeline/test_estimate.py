"""What a run will cost, before it is begun."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from helpers.commands import command
from helpers.repository import ROOT
from vital.params.base import read_block, read_params
from vital.params.visualize import VisualizeParams
from vital.pipeline.estimate import estimate_run, full_size_steps


def test_what_images_are_made_of_costs_what_it_does_here(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    content = read_params(ROOT / "params.yaml")
    content["visualize"] |= {"parametrization": "fourier", "batch": 1}
    YAML(typ="safe").dump(content, params)
    found = estimate_run(params, "cpu")
    assert float(found["seconds per step"]) > 0


def test_an_estimate_counts_a_coarse_step_by_its_pixels(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    content = read_params(ROOT / "params.yaml")
    steps = content["visualize"]["steps"]
    content["extract"]["pools"] = [2]
    content["visualize"]["coarse"] = {"steps": 4 * steps, "pool": 2}
    YAML(typ="safe").dump(content, params)
    block = read_block(read_params(params), "visualize", VisualizeParams)
    assert full_size_steps(block.method()) == 2 * steps
    assert "visualize" in command("estimate", params).stdout


@pytest.mark.parametrize(("seconds", "verdict"), [(0.5, "pays: 0.50"), (0.9, "does not pay: 0.90")])
def test_whether_bfloat16_pays_is_measured_where_it_is_multiplied(
    seconds: float, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed = {"tf32": 1.0, "bfloat16": seconds}
    monkeypatch.setattr(
        "vital.pipeline.estimate.seconds_per_step", lambda method, _: timed[method.setup.precision]
    )
    for has_it in (True, False):
        monkeypatch.setattr("vital.pipeline.estimate.multiplies_bfloat16", lambda told=has_it: told)
        found = estimate_run(ROOT / "params.yaml", "cpu")
        told = f"bfloat16 {verdict} times as long per step"
        assert found.get("visualize.precision") == (told if has_it else None)
