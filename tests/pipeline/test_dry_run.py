"""A dry run passes what a run accepts, tells all faults of what it does not, and is remembered."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from ruamel.yaml import YAML

from helpers.changed_params import changed_params
from helpers.own_images import contents, write_files
from helpers.repository import ROOT
from vital.artefacts.project import Project
from vital.errors import ParamsError
from vital.pipeline import dry_run
from vital.pipeline.dry_run import check_once, check_run
from vital.pipeline.profiles import compose_profile

PROFILES = ROOT / "profiles"
NAMES = sorted(path.stem for path in PROFILES.glob("*.yaml"))
OF_PHOTOGRAPHS = {"compare", "equal", "published", "relevance_none", "l2_some", "tv_none", "tv_ten"}
IMAGENETTE = (
    "compare", "inner_units", "judge_mobilenetv2", "permuted_head", "pixels", "random_weights",
    "resnet50", "three_seeds",
)  # fmt: skip
COMPOSED = [
    *NAMES,
    *(f"photographs+{name}" for name in sorted(OF_PHOTOGRAPHS)),
    *(f"photographs+{path.stem}" for path in sorted(PROFILES.glob("variants/taps_*.yaml"))),
    *(f"photographs+{path.stem}" for path in sorted(PROFILES.glob("variants/matching_*.yaml"))),
    *(f"photographs+{path.stem}" for path in sorted(PROFILES.glob("variants/references_*.yaml"))),
    *(f"resnet50+{name}" for name in ("quick", "multires", "long")),
    *(f"imagenette+{name}" for name in IMAGENETTE),
    "imagenette+resnet50+judge_mobilenetv2+compare",
    "convnext_base+multires",
    "densenet121+multires",
]
TRAIN = {"steps": 2, "batch": 4, "lr": 1.0e-3}
TINY: dict[str, Any] = {"name": "timm/resnet10t", "kwargs": {"channels": [8, 8, 8, 8]}}


def test_the_default_is_fit(tmp_path: Path) -> None:
    check_run(Project(tmp_path), changed_params())


@pytest.mark.parametrize("name", COMPOSED)
def test_every_profile_is_fit(name: str, tmp_path: Path) -> None:
    check_run(Project(tmp_path), YAML(typ="safe").load(compose_profile(PROFILES, name)))


def test_every_variant_is_tried() -> None:
    tried = {part for name in COMPOSED for part in name.split("+")[1:]}
    assert tried == {path.stem for path in (PROFILES / "variants").glob("*.yaml")}


def small(**blocks: Any) -> dict[str, Any]:
    """A small run on images of one's own, which may be absent."""
    content = {
        "seed": 0,
        "data": {"source": "photos", "per_class": {"train": 6, "validation": 3, "heldout": 5}},
        "model": {**TINY, "train": TRAIN},
        "units": {},
        "extract": {"taps": ["input", "conv1", "layer2"], "references": 4, "batch": 4},
        "references": {},
        "relevance": {},
        "methods": ["vital", "deepinversion"],
        "visualize": {"steps": 3, "lr": 0.1},
        "peers": {},
        "judges": [{**TINY, "train": TRAIN}],
        "score": {},
        "report": {},
    }
    return {**content, **blocks}


UNKNOWN = {
    "trained": small(),
    "a transformer of the images' size": small(
        model={"name": "timm/vit_tiny_patch16_224", "kwargs": {"img_size": 32}, "train": TRAIN},
        extract={"taps": ["blocks.0"], "references": 4, "batch": 4},
        methods=["vital"],
    ),
    "named classes": small(model={**TINY, "train": TRAIN, "classes": ["a", "b", "c"]}),
    "a pool": small(extract={"taps": ["conv1"], "references": 4, "batch": 4, "pools": [64]}),
    "a patch": small(units={"listed": [{"tap": "layer3", "channels": [0]}]}),
    "a stated shift": small(visualize={"steps": 3, "lr": 0.1, "jitter": 300}),
    "a checkpoint": small(model={**TINY, "checkpoint": "absent.pt"}),
    "units": small(visualize={"steps": 3, "lr": 0.1, "units": ["mine", 2]}),
    "a table": small(data={**small()["data"], "source": "absent.csv", "classes": ["mine"]}),
    "of the hub": small(data={**small()["data"], "source": "hfds/owner/name"}),
}


@pytest.mark.parametrize("content", UNKNOWN.values(), ids=UNKNOWN)
def test_what_only_the_images_could_tell_is_no_fault(
    tmp_path: Path, content: dict[str, Any]
) -> None:
    """As in another clone, where neither photographs nor checkpoints lie."""
    check_run(Project(tmp_path), content)


def test_the_names_of_folders_are_classes(tmp_path: Path) -> None:
    write_files(tmp_path / "photos", contents(count=1))
    judge = {**TINY, "train": TRAIN, "classes": ["ant", "bee", "cow"]}
    content = small(judges=[judge], visualize={"steps": 3, "lr": 0.1, "units": ["ant", 2, "cow"]})
    check_run(Project(tmp_path), content)
    content["visualize"]["units"] = ["ant", "be", "cow", 3]
    with pytest.raises(
        ParamsError, match=r"no unit 'be'.*'bee'.*\n.*unit 3 is out of range"
    ) as one:
        check_run(Project(tmp_path), content)
    assert len(str(one.value).splitlines()) == 2
    with pytest.raises(ParamsError, match="no class 'dog'"):
        check_run(Project(tmp_path), small(data={**content["data"], "classes": ["ant", "dog"]}))


def test_defaults_that_are_too_large_are_no_fault(tmp_path: Path) -> None:
    """An image of 16 pixels is shifted by up to 30: all the way round, as it has always been."""
    data = {**small()["data"], "source": "photographs", "size": 16}
    check_run(Project(tmp_path), small(data=data))


def test_weights_that_inner_units_cannot_have_are_no_fault(tmp_path: Path) -> None:
    units = {"listed": [{"tap": "layer1", "channels": [0]}, {"tap": "layer4", "channels": [0]}]}
    weights = {"conv1": 2.0, "layer2": 3.0}
    for visualize in ({"tap_weights": weights}, {"inner": {"tap_weights": {**weights, "fc": 1.0}}}):
        content = small(units=units, visualize={"steps": 3, "lr": 0.1, **visualize})
        check_run(Project(tmp_path), content)


def faults_of(root: Path, content: dict[str, Any]) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        check_run(Project(root), content)
    return str(caught.value).splitlines()


def test_all_faults_are_told_in_one_report(tmp_path: Path) -> None:
    """Each once, whatever else is wrong; those of the parameters too."""
    units = [{"tap": "layer3", "channels": [99, 100]}, {"tap": "lay", "channels": [0]}]
    content = small(
        data={**small()["data"], "source": "photographs", "size": 32},
        units={"listed": units},
        extract={"taps": ["layr1"], "references": 9, "batch": 4},
        visualize={"steps": 3, "lr": 0.1, "units": ["dog"], "tap_weights": {"stem": 1.0}},
        judges=[{**TINY, "alias": "a"}, {**TINY, "alias": "b", "name": "timm/nothing"}],
        methods=["vital"],
    )
    expected = {
        "extract.references", "extract.taps", "'lay'", "channel 99", "channel 100", "'dog'",
        "names 'stem'", "references.patch", "judge a: give exactly one", "judge b: timm has no",
        "judge b: give exactly one",
    }  # fmt: skip
    lines = faults_of(tmp_path, content)
    assert [sum(words in line for line in lines) for words in expected] == [1] * len(expected)
    assert len(lines) == len(expected)
    further = {**content, "seed": -1, "references": {"pach": 3}}
    lines = faults_of(tmp_path, further)
    expected = (expected - {"references.patch"}) | {"seed", "references.pach"}
    assert [sum(words in line for line in lines) for words in expected] == [1] * len(expected)
    assert len(lines) == len(expected)


def test_a_factory_may_compute_with_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv, self.fc = torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4, 3)\n"
        "    def forward(self, x):\n"
        "        y = self.conv(x)\n"
        "        return self.fc(y.mean((2, 3))) * float(y.sum() > 0)\n"
        "def make():\n"
        "    return Net()\n"
    )
    monkeypatch.chdir(tmp_path)
    cut = {"size": 32, "mean": [0.5] * 3, "std": [0.5] * 3}
    model = {"name": "python:mine:make", "checkpoint": "a.pt", "preprocessing": cut}
    model |= {"taps": {"conv": 1.0}, "classes": ["ant", "bee", "cow"]}
    extract = {"references": 4, "batch": 4}
    check_run(Project(tmp_path), small(model=model, extract=extract, methods=["vital"]))
    with pytest.raises(ParamsError, match=r"extract\.taps: the network has no tap 'convo'"):
        check_run(Project(tmp_path), small(model=model, extract={**extract, "taps": ["convo"]}))


def test_the_callers_random_numbers_stay(tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    check_run(Project(tmp_path), small(judges=[]))
    assert torch.equal(before, torch.random.get_rng_state())


# What passed is remembered.


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The contents that were checked; those with an unknown tap are at fault."""
    seen: list[dict[str, Any]] = []

    def check(_project: Project, content: dict[str, Any]) -> None:
        seen.append(content)
        if content["extract"]["taps"] == ["wrong"]:
            raise ParamsError("extract.taps: wrong")

    monkeypatch.setattr(dry_run, "check_run", check)
    return seen


def test_what_passed_is_not_checked_again(
    tmp_path: Path, checked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, content = Project(tmp_path), small()
    for _ in range(3):
        check_once(project, content, "code")
    assert len(checked) == 1
    check_once(project, content, "other code")
    check_once(project, {**content, "seed": 1}, "other code")
    monkeypatch.setattr(dry_run, "code_digest", lambda module: f"another {module}")
    check_once(project, {**content, "seed": 1}, "other code")
    assert len(checked) == 4


def test_only_what_passed_is_remembered(tmp_path: Path, checked: list[dict[str, Any]]) -> None:
    project = Project(tmp_path)
    wrong = small(extract={"taps": ["wrong"], "references": 4, "batch": 4})
    for _ in range(2):
        with pytest.raises(ParamsError):
            check_once(project, wrong, "code")
    check_once(project, small(), "code")
    with pytest.raises(ParamsError):
        check_once(project, wrong, "code")
    check_once(project, small(), "code")
    assert len(checked) == 4


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe", b"[]", b'{"passed": 3}', b'{"passed"'])
def test_a_damaged_memory_is_no_memory(
    tmp_path: Path, checked: list[dict[str, Any]], damage: bytes
) -> None:
    project = Project(tmp_path)
    check_once(project, small(), "code")
    (kept,) = project.state.iterdir()
    kept.write_bytes(damage)
    check_once(project, small(), "code")
    check_once(project, small(), "code")
    assert len(checked) == 2


def test_torch_is_not_loaded_for_what_passed(tmp_path: Path, checked: list[object]) -> None:
    check_once(Project(tmp_path), small(), "code")
    YAML(typ="safe").dump(small(), tmp_path / "params.yaml")
    text = (
        "import sys; from pathlib import Path; from vital.artefacts.project import Project;"
        "from vital.params.base import read_params; from vital.pipeline.dry_run import check_once;"
        f"root = Path({str(tmp_path)!r});"
        "check_once(Project(root), read_params(root / 'params.yaml'), 'code');"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", text], cwd=ROOT, check=True)
