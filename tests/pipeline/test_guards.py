"""What the guard lets pass, and that it knows every folder that the pipeline writes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from helpers.changed_params import changed_params, with_model, with_source
from helpers.repository import ROOT
from vital.artefacts.project import Project
from vital.errors import ParamsError
from vital.pipeline.guards import refuse_endangered

LEGAL = {
    "the default": changed_params(),
    "beside the outputs": with_source("data/photos"),
    "out of an output again": with_source("data/images/../photos"),
    "of a like name": with_source("data/images2"),
    "in capitals": with_source("Data/Images"),
    "a link out of data": with_source("data/linked"),
    "elsewhere": with_source("/somewhere/else"),
    "a table in the project": with_source("list.csv"),
    "a data set in data": with_source("torch/cifar10", root="data"),
    "Imagenette in data": with_source("torch/imagenette-320px", root="data"),
    "of the hub": with_source("hfds/owner/name"),
    "a checkpoint": with_model(checkpoint="data/checkpoints/my.pt"),
    "arguments": with_model(kwargs={"aa_layer": "blurpool", "more": ["a", {"b": "data", "c": 1}]}),
    "a factory of the library": with_model(name="python:vital.networks.cifar_resnet20:make"),
    "one that is called so": with_model(name="python:data:make"),
    "a loop": with_source("loop"),
}


@pytest.mark.parametrize("content", LEGAL.values(), ids=LEGAL)
def test_what_is_safe(tmp_path: Path, content: dict[str, Any]) -> None:
    """Neither where the outputs are, nor before there are any."""
    refuse_endangered(Project(tmp_path), content)
    elsewhere = tmp_path / "elsewhere"
    for folder in (*Project(tmp_path).written, tmp_path / "Data/Images", elsewhere / "a"):
        folder.mkdir(parents=True)
    (elsewhere / "a" / "x.jpg").touch()
    (tmp_path / "data/linked").symlink_to(elsewhere)
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop/again").symlink_to(tmp_path / "loop")
    (tmp_path / "loop/photos").symlink_to(elsewhere)
    (tmp_path / "list.csv").write_text("path,label\nelsewhere/a/x.jpg,a\n")
    refuse_endangered(Project(tmp_path), content)


def test_data_may_lie_on_another_disk(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    root = tmp_path / "project"
    root.mkdir()
    (root / "data").symlink_to(tmp_path / "disk")
    refuse_endangered(Project(root), with_source("data/photos"))
    with pytest.raises(ParamsError, match="is data/images"):
        refuse_endangered(Project(root), with_source(tmp_path / "disk/images"))


def test_an_experiments_copy_keeps_off_the_checkout(tmp_path: Path) -> None:
    copy = tmp_path / ".dvc/tmp/exps/standalone/one"
    copy.mkdir(parents=True)
    refuse_endangered(Project(copy), with_source(tmp_path / "photos"))
    with pytest.raises(ParamsError, match=f"is {tmp_path / 'data/images'}, which"):
        refuse_endangered(Project(copy), with_source(tmp_path / "data/images"))
    with pytest.raises(ParamsError, match="is data/images, which"):
        refuse_endangered(Project(copy), with_source("data/images"))


def places(stage: dict[str, Any]) -> Iterator[str]:
    """What a stage of dvc.yaml writes, with anything for the names of methods."""
    for out in (*stage.get("outs", ()), *stage.get("metrics", ())):
        yield (out if isinstance(out, str) else next(iter(out))).partition("$")[0]


def test_all_outputs_are_known() -> None:
    content = YAML(typ="safe").load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    outs = [out for stage in content["stages"].values() for out in places(stage.get("do", stage))]
    assert len(outs) > len(content["stages"])
    for out in outs:
        with pytest.raises(ParamsError, match=out.split("/")[1]):
            refuse_endangered(Project(ROOT), with_model(checkpoint=f"{out}/mine"))


def test_without_torch() -> None:
    text = (
        "import sys; from pathlib import Path; from vital.artefacts.project import Project;"
        "from vital.params.base import read_params;"
        "from vital.pipeline.guards import refuse_endangered;"
        "refuse_endangered(Project(Path.cwd()), read_params(Path('params.yaml')));"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", text], cwd=ROOT, check=True)
