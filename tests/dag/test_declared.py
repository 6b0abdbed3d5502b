"""What dvc.yaml declares is all that a stage depends on, and no less than it needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from helpers.isolated_stages import (
    PARAMS,
    TRAINED,
    Declared,
    declared_stages,
    make_project,
    run_isolated,
    run_stage,
)
from helpers.repository import ROOT
from vital.artefacts.project import STAGES
from vital.params.base import BLOCKS
from vital.runtime.closure import is_neutral

pytestmark = pytest.mark.timeout(3600)
"""All stages run once before the first test."""

DECLARED = {stage.name: stage for stage in declared_stages()}
MOST_LINES = 170


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of all stages, one after the other."""
    root = tmp_path_factory.mktemp("declared") / "whole"
    make_project(root, PARAMS)
    (root / "loaded").mkdir()
    commands = {name: stage.command for name, stage in DECLARED.items()}
    for name, command in {"inputs": "python3 -m stages.inputs", **commands}.items():
        done = run_stage(root, command, note=root / "loaded" / name)
        assert done.returncode == 0, done.stderr
    return root


@pytest.mark.parametrize("name", DECLARED)
def test_a_stage_needs_no_more_than_it_declares(whole: Path, tmp_path: Path, name: str) -> None:
    stage = DECLARED[name]
    assert run_isolated(whole, tmp_path / "alone", stage, stage.deps, stage.params) == ""


@pytest.mark.parametrize("name", DECLARED)
def test_every_module_that_a_stage_loads_is_among_its_inputs(whole: Path, name: str) -> None:
    loaded = set(json.loads((whole / "loaded" / name).read_text()))
    inputs = whole / "data" / "inputs" / f"{name.replace('@', '/')}.json"
    code = json.loads(inputs.read_text())["code"]
    known = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in code}
    assert {module for module in loaded - known if not is_neutral(module)} == set()
    assert f"stages.{name.partition('@')[0]}" in known


def test_inputs_loads_neither_torch_nor_pandas() -> None:
    code = "import sys, stages.inputs; sys.exit(not {'torch', 'pandas'}.isdisjoint(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def _family(name: str) -> list[Declared]:
    """A stage of dvc.yaml, for each method where there are several."""
    return [stage for stage in DECLARED.values() if stage.name.partition("@")[0] == name]


def _declared_by(name: str) -> list[tuple[str, str, str]]:
    stage = _family(name)[0]
    deps = [dep for dep in stage.deps if not dep.startswith("data/inputs/")]
    return [(name, "dep", dep) for dep in deps] + [(name, "param", one) for one in stage.params]


TRAINS = ("model", "param", "seed")
"""A network from a checkpoint does not depend on the seed, one that is trained does."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "left_out"),
    [case for name in STAGES[1:] for case in _declared_by(name) if case != TRAINS],
)
def test_a_stage_declares_no_more_than_it_needs(
    whole: Path, tmp_path: Path, name: str, kind: str, left_out: str
) -> None:
    """Of a stage that makes images by several methods, one of them needs it."""

    def differs(stage: Declared) -> bool:
        deps = [dep for dep in stage.deps if dep != left_out]
        params = [block for block in stage.params if (kind, block) != ("param", left_out)]
        return run_isolated(whole, tmp_path / stage.name, stage, deps, params) != ""

    assert any(map(differs, _family(name)))


@pytest.mark.slow
def test_a_network_that_is_trained_depends_on_the_seed(tmp_path: Path) -> None:
    root = tmp_path / "whole"
    make_project(root, TRAINED)
    for command in ("inputs", "prepare", "model"):
        done = run_stage(root, f"python3 -m stages.{command}")
        assert done.returncode == 0, done.stderr
    (stage,) = _family("model")
    without = [block for block in stage.params if block != "seed"]
    for number, (params, differs) in enumerate(((stage.params, False), (without, True))):
        alone = tmp_path / str(number)
        assert bool(run_isolated(root, alone, stage, stage.deps, params, TRAINED)) is differs


def test_a_stage_has_one_name_everywhere() -> None:
    pipeline = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    assert tuple(pipeline) == STAGES
    for stage in STAGES:
        once_per_method = " --method ${item.method}" if "matrix" in pipeline[stage] else ""
        assert pipeline[stage]["cmd"] == f"python3 -m stages.{stage}{once_per_method}"
        assert f"def {stage}(" in (ROOT / "stages" / f"{stage}.py").read_text(encoding="utf-8")


def test_every_stage_depends_on_its_own_file_of_inputs_and_on_no_module() -> None:
    for name, stage in DECLARED.items():
        assert f"data/inputs/{name.replace('@', '/')}.json" in stage.deps
        assert all(dep.startswith("data/") for dep in stage.deps)


def test_the_page_prints_all_parameters() -> None:
    assert set(DECLARED["report"].params) == set(BLOCKS)


def test_the_file_stays_short() -> None:
    assert len((ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines()) <= MOST_LINES
