"""Every stage's file of inputs holds its code and what it reads, as other machines would say it."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from helpers.efficientnet_lite import carry_by, write_package
from helpers.files import files_below
from helpers.isolated_stages import OTHER, PARAMS
from vital.artefacts.project import STAGES, Project
from vital.pipeline.inputs import read_inputs, write_inputs

LONG_AGO = 1_600_000_000


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project beside which photographs and a checkpoint lie."""
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        path = tmp_path / "photographs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (len(name), 0, 0)).save(path)
        os.utime(path, (LONG_AGO, LONG_AGO))
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "weights.safetensors").write_bytes(b"weights")
    return Project(tmp_path / "project")


def content(**blocks: Any) -> dict[str, Any]:
    return {**PARAMS, "methods": list(METHODS), **blocks}


METHODS = ("vital", "activation")

OWN = {"source": "../photographs", "per_class": PARAMS["data"]["per_class"]}


def written(project: Project, params: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    write_inputs(project, read_inputs(project, params))
    files = files_below(project.inputs).items()
    return {name.removesuffix(".json"): json.loads(content) for name, content in files}


def test_there_is_a_file_for_each_stage_and_method(project: Project) -> None:
    names = {*STAGES, "visualize/vital", "visualize/activation"} - {"inputs", "visualize"}
    assert set(written(project, content())) == names
    assert "visualize/vital" not in written(project, content(methods=["maco"]))


def test_another_machine_says_the_same(project: Project, tmp_path: Path) -> None:
    shutil.copytree(tmp_path, tmp_path / "elsewhere", ignore=lambda *_: ["elsewhere"])
    other = Project(tmp_path / "elsewhere" / "project")
    for path in (tmp_path / "elsewhere" / "photographs").rglob("*.png"):
        os.utime(path, (LONG_AGO + 9, LONG_AGO + 9))
    assert written(other, content(data=OWN)) == written(project, content(data=OWN))
    assert str(tmp_path).encode() not in b"".join(files_below(project.inputs).values())


def test_a_replaced_photograph_concerns_prepare_alone_and_is_named(
    project: Project, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = written(project, content(data=OWN))
    photograph = tmp_path / "photographs" / "cat" / "2.png"
    Image.new("RGB", (9, 9)).save(photograph)
    with caplog.at_level(logging.INFO):
        after = written(project, content(data=OWN))
    assert [name for name in before if before[name] != after[name]] == ["prepare"]
    assert "cat/2.png" in caplog.text
    assert "prepare: data.source has changed" in caplog.text


@pytest.mark.parametrize(
    ("key", "stage", "blocks"),
    [
        ("model.checkpoint", "model", {}),
        ("score.inception", "score", {"score": {"inception": "weights.safetensors"}}),
        (
            "score.clip.checkpoint", "score",
            {"score": {"clip": {"checkpoint": "weights.safetensors"}}},
        ),
        (
            "judges.0.checkpoint", "judges",
            {
                "judges": [{"name": "timm/resnet10t", "checkpoint": "weights.safetensors"}],
                "model": {"name": "timm/resnet10t", "pretrained": True},
            },
        ),
    ],
)  # fmt: skip
def test_a_changed_file_concerns_the_stage_that_reads_it(
    project: Project, key: str, stage: str, blocks: dict[str, Any]
) -> None:
    params = content(**blocks)
    before = written(project, params)
    assert before[stage]["outside"][key]
    (project.root / "weights.safetensors").write_bytes(b"other weights")
    after = written(project, params)
    assert [name for name in before if before[name] != after[name]] == (
        [stage] if "model" in blocks else sorted({"model", stage})
    )


def test_a_file_that_comes_later_is_seen(project: Project) -> None:
    params = content(score={"inception": "later.pth"})
    before = written(project, params)
    assert before["score"]["outside"] == {"score.inception": None}
    (project.root / "later.pth").write_bytes(b"weights")
    assert written(project, params)["score"]["outside"]["score.inception"]


def test_what_is_gone_keeps_its_digest_with_one_warning(
    project: Project, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    before = written(project, content(data=OWN))
    (tmp_path / "photographs").rename(tmp_path / "unplugged")
    caplog.clear()
    assert written(project, content(data=OWN)) == before
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1 and "data.source" in warnings[0].getMessage()


def test_weights_that_a_package_carries_concern_the_stages_that_read_them(
    project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They are known by what they are, not by a version; a package that is gone is as it was."""
    network = {"name": "lite/efficientnet_lite0", "pretrained": True}
    params = content(model=network, judges=[network])
    carry_by(monkeypatch, "made-up-weights")
    with monkeypatch.context() as context:
        context.syspath_prepend(tmp_path)
        write_package(tmp_path, "made-up-weights", "a.pth", b"weights")
        before = written(project, params)
        assert before["model"]["outside"]["model.pretrained"]
        assert before["judges"]["outside"]["judges.0.pretrained"]
        write_package(tmp_path, "made-up-weights", "a.pth", b"other weights")
        after = written(project, params)
        assert [n for n in before if before[n] != after[n]] == ["judges", "model"]
    assert written(project, params) == after
    warning = "model.pretrained: made-up-weights is not there: it is taken to be as it was"
    assert warning in caplog.text


def test_weights_of_a_package_are_not_read_where_others_are_given(project: Project) -> None:
    network = {"name": "lite/efficientnet_lite0", "checkpoint": "weights.safetensors"}
    outside = written(project, content(model=network))["model"]["outside"]
    assert set(outside) == {"model.checkpoint"}


def test_nothing_is_written_where_nothing_changed(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    written(project, content())
    times = {path: path.stat().st_mtime_ns for path in project.inputs.rglob("*.json")}
    with caplog.at_level(logging.INFO):
        written(project, content())
    assert {path: path.stat().st_mtime_ns for path in project.inputs.rglob("*.json")} == times
    assert "nothing has changed" in caplog.text


def test_a_damaged_file_is_written_anew(project: Project) -> None:
    before = written(project, content())
    (project.inputs / "model.json").write_text('{"code": ')
    (project.inputs / "units.json").write_text("[]")
    assert written(project, content()) == before


def test_parameters_are_dvcs_to_compare(project: Project) -> None:
    changed = {**OTHER, "methods": list(METHODS)}
    assert written(project, content()) == written(project, changed)


def test_a_factory_and_what_it_imports_concern_the_stages_that_use_it(project: Project) -> None:
    (project.root / "nets.py").write_text("import layers\nmake = layers.make\n")
    (project.root / "layers.py").write_text("make = None\n")
    params = content(model={"name": "python:nets:make"}, judges=[])
    before = written(project, params)
    assert {"nets.py", "layers.py"} <= set(before["model"]["code"])
    (project.root / "layers.py").write_text("make = 1\n")
    after = written(project, params)
    differing = {name for name in before if before[name] != after[name]}
    assert differing == {
        "model", "units", "extract", "references", "relevance", "visualize/vital",
        "visualize/activation", "score",
    }  # fmt: skip


def test_the_images_of_a_table_count(project: Project, tmp_path: Path) -> None:
    table = tmp_path / "photographs" / "table.csv"
    table.write_text("path,label\ncat/1.png,cat\ndog/1.png,dog\n")
    params = content(data={**OWN, "source": "../photographs/table.csv"})
    before = written(project, params)
    Image.new("RGB", (9, 9)).save(tmp_path / "photographs" / "cat" / "2.png")
    assert written(project, params) == before
    Image.new("RGB", (9, 9)).save(tmp_path / "photographs" / "cat" / "1.png")
    assert written(project, params) != before


def test_of_imagenette_its_own_folder_counts_once_it_is_there(
    project: Project, tmp_path: Path
) -> None:
    source = {"source": "torch/imagenette-160px", "root": "../photographs"}
    params = content(data={**OWN, **source})
    before = written(project, params)
    assert before["prepare"]["outside"] == {"data.source": None}
    (tmp_path / "photographs" / "cat" / "3.png").write_bytes(b"another")
    assert written(project, params) == before
    shutil.copytree(tmp_path / "photographs" / "cat", tmp_path / "photographs" / "imagenette2-160")
    assert written(project, params)["prepare"]["outside"]["data.source"]


def test_packages_that_carry_photographs_count_for_prepare_alone(project: Project) -> None:
    inputs = written(project, content())
    assert {"scikit-image", "scikit-learn"} <= set(inputs["prepare"]["packages"])
    assert "torch" not in inputs["prepare"]["packages"]
    assert "scikit-image" not in inputs["model"]["packages"]
    assert {"torch", "timm", "numpy", "pillow"} <= set(inputs["model"]["packages"])
    assert not {"mlflow", "tqdm", "pydantic"} & set(inputs["report"]["packages"])
