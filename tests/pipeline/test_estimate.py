"""What a run will cost, before it is begun."""

from __future__ import annotations

from pathlib import Path

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
