"""Paths of the user's that a run would delete: refused, and every file is still there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from helpers.changed_params import changed_params, with_model, with_source
from helpers.checkout import environment
from helpers.repository import ROOT
from vital.artefacts.project import Project
from vital.errors import ParamsError
from vital.pipeline.dry_run import check_run
from vital.pipeline.guards import refuse_endangered

COUNT = 60
FACTORY = {"name": "python:data.model.mine:make", "pretrained": True}
CLIP = {"clip": {"checkpoint": "data/scores/clip.pt"}}

IMAGENETTE = "torch/imagenette-160px"

ENDANGERED = {
    "an output": (with_source("data/images"), ["data.source", "is data/images", "data/photos"]),
    "with a slash": (with_source("data/images/"), ["data.source", "is data/images"]),
    "within an output": (with_source("./data/report/mine"), ["lies in data/report"]),
    "by dots": (with_source("photos/../data/images"), ["is data/images"]),
    "a link": (with_source("link"), ["'link' is data/images"]),
    "a link on the way": (with_source("link/deeper"), ["lies in data/images"]),
    "links in turn": (with_source("chain"), ["'chain' is data/images"]),
    "the store": (with_source(".vital/photos"), ["lies in .vital"]),
    "all results": (with_source("data"), ["holds data/images", "a folder of their own"]),
    "the project": (with_source("."), ["holds data/images"]),
    "everything": (with_source("/"), ["'/' holds"]),
    "a link in the folder": (with_source("linked"), ["refers to files in data/images", "linked/a"]),
    "linked files": (with_source("files"), ["refers to files in data/images", "2 more"]),
    "a tar": (with_source("data/units/photos.tar"), ["data.source", "lies in data/units"]),
    "a table": (with_source("data/scores/list.csv"), ["data.source", "lies in data/scores"]),
    "what a table names": (with_source("list.csv"), ["'list.csv' refers to files in data/images"]),
    "its folder": (with_source("list.csv", root="data/images"), ["data.root", "is data/images"]),
    "a data set": (with_source("torch/cifar10", root="data/judges"), ["data.root", "is data/jud"]),
    "a data set's folder": (with_source("torch/image_folder", root="data"), ["data.root", "holds"]),
    "imagenette in it": (with_source(IMAGENETTE, root="data/images"), ["lies in data/images"]),
    "imagenette by a link": (with_source(IMAGENETTE, root="photos"), ["data.root", "is data/imag"]),
    "shards": (with_source("wds/data/images"), ["is data/images"]),
    "of the hub": (with_source("hfds/data/images"), ["is data/images"]),
    "a checkpoint": (with_model(checkpoint="data/model/my.pt"), ["model.checkpoint", "data/check"]),
    "a linked checkpoint": (with_model(checkpoint="my.pt"), ["'my.pt' lies in data/model"]),
    "an argument": (with_model(kwargs={"file": "data/model/w.pt"}), ["model.kwargs.file"]),
    "a factory": (changed_params(model=FACTORY), ["model.name", "lies in data/model"]),
    "a judge": (
        changed_params(judges=[{"name": "timm/resnet10t", "checkpoint": "data/model/my.pt"}]),
        ["judges.0.checkpoint"],
    ),
    "clip": (changed_params(score=CLIP), ["score.clip.checkpoint", "lies in data/scores"]),
    "inception": (changed_params(score={"inception": ".vital/i.pth"}), ["score.inception"]),
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose user keeps files where the pipeline writes."""
    root = tmp_path / "project"
    for name in ("data/images/a", "data/images/deeper", "data/model", "photos", "linked", "files"):
        (root / name).mkdir(parents=True)
    for number in range(COUNT):
        (root / f"data/images/a/{number}.jpg").write_text(f"{number}")
    (root / "data/model/my.pt").touch()
    (root / "link").symlink_to("data/images")
    (root / "chain").symlink_to(root / "photos/../link")
    (root / "linked/a").symlink_to("../data/images/a")
    (root / "my.pt").symlink_to("data/model/my.pt")
    (root / "photos/imagenette2-160").symlink_to("../data/images")
    for number in range(3):
        (root / f"files/{number}.jpg").symlink_to(f"../data/images/a/{number}.jpg")
    (root / "list.csv").write_text("path,label\nphotos/x.jpg,x\ndata/images/a/0.jpg,a\n")
    return Project(root)


@pytest.mark.parametrize(("content", "words"), ENDANGERED.values(), ids=ENDANGERED)
def test_what_would_be_deleted(project: Project, content: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ParamsError) as caught:
        refuse_endangered(project, content)
    lines = str(caught.value).splitlines()
    assert any(all(word in line for word in words) for line in lines), lines
    assert len(list((project.images / "a").iterdir())) == COUNT


@pytest.mark.parametrize("name", ["images", "model", "visualizations/vital", "timings"])
def test_an_output_that_is_a_link_to_photographs(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine").mkdir()
    link = tmp_path / "data" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "mine")
    with pytest.raises(ParamsError, match=f"data/{name} is a link to .*mine.*remove the link"):
        refuse_endangered(Project(tmp_path), changed_params())


def test_all_faults_are_told_at_once(project: Project) -> None:
    content = {**with_source("data/images"), "score": {"inception": ".vital/i.pth"}}
    with pytest.raises(ParamsError, match=r"data\.source.*\n.*score\.inception"):
        refuse_endangered(project, content)


# DVC itself, which deletes a stage's outputs before it starts the stage.

UNGUARDED = "stages: {prepare: {cmd: 'exit 1', outs: [data/images]}}"


def dvc(root: Path, pipeline: str, *arguments: str) -> str:
    """What DVC says of a run of a pipeline that fails."""
    (root / "data" / "inputs").mkdir()
    (root / "data" / "inputs" / "prepare.json").write_text("{}")  # as if inputs had run before
    (root / "dvc.yaml").write_text(pipeline, encoding="utf-8")
    YAML(typ="safe").dump(with_source("data/images"), root / "params.yaml")
    known = {**environment(), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "dvc"]
    subprocess.run([*command, "init", "-q", "--no-scm"], cwd=root, env=known, check=True)
    done = subprocess.run(
        [*command, "repro", *arguments], cwd=root, env=known, check=False, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode != 0
    return done.stdout + done.stderr


def test_dvc_deletes_what_lies_in_an_output(project: Project) -> None:
    """What the refusal is for: the stage has not even begun."""
    dvc(project.root, UNGUARDED)
    assert not project.images.exists()


@pytest.mark.parametrize("alone", [(), ("-s", "prepare")], ids=["whole", "prepare alone"])
def test_no_photograph_is_lost(project: Project, alone: tuple[str, ...]) -> None:
    said = dvc(project.root, (ROOT / "dvc.yaml").read_text(encoding="utf-8"), *alone)
    assert "data.source: 'data/images' is data/images" in said
    assert "Traceback" not in said
    kept = {path.name: path.read_text() for path in (project.images / "a").iterdir()}
    assert kept == {f"{number}.jpg": f"{number}" for number in range(COUNT)}


# What a dry run sees before anything is made, on a network that takes milliseconds to outline.

SMALL = {
    "seed": 0,
    "data": {
        "source": "photographs",
        "size": 32,
        "per_class": {"train": 6, "validation": 3, "heldout": 5},
        "classes": ["brick wall", "cat", "pagoda"],
    },
    "model": {"name": "timm/resnet10t", "kwargs": {"channels": [8, 8, 16, 16]}},
    "units": {"listed": [{"tap": "layer3", "channels": [1]}]},
    "extract": {"taps": ["input", "conv1", "layer2", "layer4"], "references": 4, "batch": 4},
    "references": {"patch": 16},
    "relevance": {},
    "methods": ["vital"],
    "visualize": {"steps": 3, "lr": 0.1, "jitter": 4, "seeds": 2},
    "peers": {},
    "judges": [],
    "score": {},
    "report": {},
}
TRAIN = {"steps": 2, "batch": 4, "lr": 1.0e-3}
NO_NORM = {"name": "timm/vit_tiny_patch16_224", "kwargs": {"img_size": 32}, "train": TRAIN}
JUDGE = {"name": "timm/resnet10t", "train": TRAIN}


def small(**changes: Any) -> dict[str, Any]:
    """A small run with some keys of its blocks changed; a list takes the place of a block."""
    content = {**SMALL, "model": {**SMALL["model"], "train": TRAIN}}  # type: ignore[dict-item]
    for name, change in changes.items():
        content[name] = {**content[name], **change} if isinstance(change, dict) else change  # type: ignore[dict-item]
    return content


def listed(tap: str, *channels: int) -> dict[str, Any]:
    return {"listed": [{"tap": tap, "channels": list(channels)}]}


UNFIT = {
    "a tap": (small(extract={"taps": ["conv1", "layer9"]}), ["extract.taps", "'layer9'", "'layer"]),
    "relevance": (small(relevance={"taps": ["conv2"]}), ["relevance.taps", "'conv2'"]),
    "a default tap": (small(model={"taps": {"stem": 1.0}}), ["model.taps", "'stem'"]),
    "a later run": (small(extract={"taps": ["conv1@3"]}), ["'conv1@3' is never run"]),
    "a unit's tap": (small(units=listed("layer7", 0)), ["units.listed", "'layer7'"]),
    "a channel": (small(units=listed("layer3", 99)), ["no channel 99", "0 to 15"]),
    "colours": (small(units=listed("input", 0)), ["runs before 'input'"]),
    "nothing before it": (
        small(units=listed("conv1", 0), relevance={"taps": ["layer2"]}),
        ["relevance.taps", "none of layer2 runs before 'conv1'"],
    ),
    "drawn units": (
        small(units={"random": {"taps": ["lay"], "count": 1}}),
        ["units.random", "'lay'"],
    ),
    "a class of units": (
        small(units={"top": [{"tap": "layer3", "classes": ["dog"], "count": 1}]}),
        ["units.top", "'dog' is no class"],
    ),
    "a circuit": (small(units={"circuit": {"classes": [7]}}), ["units.circuit", "'7' is no class"]),
    "a class": (small(data={"classes": ["cat", "dgo"]}), ["data.classes", "no class 'dgo'"]),
    "a mapped class": (
        small(
            data={"class_map": {"cat": "tabby"}}, model={"classes": ["brick wall", "cat", "pag"]}
        ),
        ["data.classes", "does not know", "tabby"],
    ),
    "a unit": (small(visualize={"units": ["cat", "dog"]}), ["visualize.units", "no unit 'dog'"]),
    "an index": (small(visualize={"units": [3]}), ["visualize.units", "unit 3 is out of range"]),
    "a weight": (
        small(visualize={"tap_weights": {"layer1": 2.0}}),
        ["visualize.tap_weights names 'layer1', a tap without statistics"],
    ),
    "an inner weight": (
        small(visualize={"inner": {"tap_weights": {"layer1": 2.0}}}),
        ["names 'layer1'"],
    ),
    "a patch": (small(references={"patch": 64}), ["references.patch: 64 pixels", "which has 32"]),
    "a pool": (small(extract={"pools": [64]}), ["extract.pools: 64", "larger than the network's"]),
    "a shift": (small(visualize={"jitter": 32}), ["visualize.jitter: 32", "side", "32"]),
    "a peer's shift": (
        small(methods=["activation"], peers={"activation": {"jitter": 40}}),
        ["peers.activation.jitter: 40"],
    ),
    "another size": (
        small(model={"name": "timm/vit_tiny_patch16_224", "kwargs": {}}),
        ["model: the network does not run on an image of 32 x 32"],
    ),
    "half the size": (
        small(model=NO_NORM, extract={"taps": ["blocks.1"], "pools": [2]}, units={"listed": []}),
        ["extract.pools: 2", "does not run on an image of 16 x 16"],
    ),
    "a method": (
        small(model=NO_NORM, extract={"taps": ["blocks.1"]}, methods=["deepinversion"]),
        ["methods: deepinversion", "batch norm"],
    ),
    "no units": (
        small(methods=["deepinversion"], visualize={"units": []}),
        ["'deepinversion' has no units here"],
    ),
    "an architecture": (
        small(model={"name": "timm/resnet10x"}),
        ["model: timm has no", "resnet10"],
    ),
    "an argument": (
        small(model={"kwargs": {"chanels": 3}}),
        ["model: timm/resnet10t cannot be"],
    ),
    "no weights": (small(model={"train": None}), ["model: give exactly one of model.checkpoint"]),
    "names of classes": (small(model={"classes": ["a", "b"]}), ["model: 2 classes are named", "3"]),
    "published classes": (
        small(model={"train": None, "pretrained": True, "kwargs": {"num_classes": 5}}),
        ["model: the published weights of timm/resnet10t have 1000 classes, not 5"],
    ),
    "a judge": (
        small(judges=[{**JUDGE, "name": "timm/resnet1t"}]),
        ["judge resnet1t: timm has"],
    ),
    "a judge's argument": (
        small(judges=[{**JUDGE, "kwargs": {"num_classes": 7}}]),
        ["judge resnet10t: 3 classes are named, but the network has 7"],
    ),
    "a judge's classes": (
        small(judges=[{**JUDGE, "classes": ["cat", "pagoda", "dog"]}]),
        ["judge resnet10t: the network does not know 1 of the 3 classes", "brick wall"],
    ),
    "a judge's tap": (small(judges=[{**JUDGE, "taps": {"x": 1.0}}]), ["judge resnet10t", "'x'"]),
    "references": (small(extract={"references": 9}), ["extract.references: 9", "the 6 training"]),
    "held-out images": (small(visualize={"seeds": 4}), ["data.per_class.heldout: 5", "at least 6"]),
}


@pytest.mark.parametrize(("content", "words"), UNFIT.values(), ids=UNFIT)
def test_what_would_fail_later(tmp_path: Path, content: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ParamsError) as caught:
        check_run(Project(tmp_path), content)
    lines = str(caught.value).splitlines()
    assert any(all(word in line for word in words) for line in lines), lines
    assert len(lines) == len(set(lines))


def test_the_small_run_is_fit(tmp_path: Path) -> None:
    check_run(Project(tmp_path), small())
