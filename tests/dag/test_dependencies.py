"""dvc.yaml lists, for every stage, the modules that determine its bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from helpers.imports import CANNOT_CHANGE_BYTES, modules_of
from helpers.repository import ROOT
from vital.artefacts.project import STAGES

PIPELINE = YAML(typ="safe").load(Path(ROOT, "dvc.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("stage", STAGES)
def test_code_dependencies_are_the_real_imports(stage: str) -> None:
    listed = {dep for dep in PIPELINE["stages"][stage]["deps"] if dep.endswith(".py")}
    assert listed == modules_of(stage)


def test_a_stage_has_one_name_everywhere() -> None:
    assert tuple(PIPELINE["stages"]) == STAGES
    for stage in STAGES:
        once_per_method = (
            " --method ${item.method}" if "matrix" in PIPELINE["stages"][stage] else ""
        )
        assert PIPELINE["stages"][stage]["cmd"] == f"python3 -m stages.{stage}{once_per_method}"
        assert f"def {stage}(" in Path(ROOT, "stages", f"{stage}.py").read_text(encoding="utf-8")


def test_a_stage_depends_on_its_own_parameters_only() -> None:
    others = {f"vital/params/{name}.py" for name in ("visualize", "score", "report", "extract")}
    assert not others & set(PIPELINE["stages"]["model"]["deps"])


def test_templates_are_dependencies_too() -> None:
    assert "vital/report/page/templates" in PIPELINE["stages"]["report"]["deps"]


def test_what_is_left_out_exists() -> None:
    assert all((ROOT / path).is_file() for path in CANNOT_CHANGE_BYTES)
