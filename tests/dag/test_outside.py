"""What lies outside of the project: a change there makes the right stages run."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from helpers.checkout import Checkout, new_checkout
from helpers.inception import write_inception
from helpers.isolated_stages import PARAMS, save_params
from helpers.own_images import encoded, noise, write_files

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
"""It runs the pipeline several times."""

CLASSES = ("one", "two", "three")

FACTORY = """\
import timm
from sizes import channels


def make():
    return timm.create_model("resnet10t", channels=channels(), output_stride=16, num_classes=3)
"""

SIZES = """\
def channels():
    return [8, 8, 16, 16]
"""

AFTER_MODEL = ("units", "extract", "references", "relevance")
IMAGES = ("visualize@vital", "visualize@activation")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A run with photographs, a checkpoint and a factory of the user's own."""
    home = tmp_path_factory.mktemp("outside")
    files = {
        f"{name}/{number}.png": encoded(noise(place, number, width=40, height=36))
        for place, name in enumerate(CLASSES)
        for number in range(14)
    }
    write_files(home / "photos", files)
    checkout = new_checkout(home / "project", (".dvc", "data/", "dvc.yaml", ".gitignore"))
    root = checkout.root
    (root / "nets.py").write_text(FACTORY)
    (root / "sizes.py").write_text(SIZES)
    _write_weights(root, seed=0)
    content = {
        **PARAMS,
        "data": {"source": "../photos", "size": 32, "per_class": PARAMS["data"]["per_class"]},
        "model": {
            "name": "python:nets:make", "checkpoint": "weights.safetensors",
            "classes": list(CLASSES),
            "preprocessing": {
                "size": 32, "mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25],
                "interpolation": "bicubic", "crop_pct": 1.0,
            },
        },
        "units": {"random": {"taps": ["layer2"], "count": 1}},
        "methods": ["vital", "activation"],
        "score": {"perplexity": 3.0, "inception": "inception.pth"},
    }  # fmt: skip
    save_params(root, content)
    checkout.run("dvc", "repro")
    checkout.commit("run")
    return checkout


def _write_weights(root: Path, seed: int) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = timm.create_model(
            "resnet10t", channels=[8, 8, 16, 16], output_stride=16, num_classes=3
        )
    save_file(network.state_dict(), root / "weights.safetensors")


@pytest.fixture
def copied(finished: Checkout, tmp_path: Path) -> Checkout:
    """A copy of the project and of the photographs beside it."""
    shutil.copytree(finished.root.parent, tmp_path / "copy", symlinks=True)
    return Checkout(tmp_path / "copy" / "project")


def test_nothing_else_runs_here(finished: Checkout) -> None:
    assert finished.stages_run("dvc", "repro") == ["inputs"]
    assert finished.run("git", "status", "--porcelain").stdout == ""


def test_a_replaced_photograph(copied: Checkout) -> None:
    kept = copied.files("data/images")
    replaced = copied.root.parent / "photos" / "one" / "0.png"
    Image.new("RGB", (40, 36), (200, 30, 30)).save(replaced)
    ran = copied.stages_run("dvc", "repro")
    assert ran[:2] == ["inputs", "prepare"]
    assert set(ran) >= {"model", "extract", "score", "report", *IMAGES}
    assert copied.files("data/images") != kept


def test_a_replaced_checkpoint(copied: Checkout) -> None:
    changed = load_file(copied.root / "weights.safetensors")
    changed["layer4.0.conv1.weight"] *= 2
    save_file(changed, copied.root / "weights.safetensors")
    ran = copied.stages_run("dvc", "repro")
    assert set(ran) == {"inputs", "model", *AFTER_MODEL, *IMAGES, "score", "report"}


def test_what_a_factory_imports(copied: Checkout) -> None:
    copied.edit("sizes.py", "def channels():\n", 'def channels():\n    """Of each layer."""\n')
    assert copied.stages_run("dvc", "repro") == ["inputs"]
    copied.edit("sizes.py", "[8, 8, 16, 16]", "[8, 8, 16, 4 * 4]")
    ran = copied.stages_run("dvc", "repro")
    assert set(ran) >= {"inputs", "model", *AFTER_MODEL, *IMAGES, "score"}
    assert not {"prepare", "judges"} & set(ran)


def test_a_file_of_inception_that_was_not_there(copied: Checkout) -> None:
    write_inception(copied.root / "inception.pth")
    assert copied.stages_run("dvc", "repro") == ["inputs", "score", "report"]


def test_another_clone_without_the_photographs(finished: Checkout, tmp_path: Path) -> None:
    other = finished.copy(tmp_path / "project")
    (other.root / ".vital").rename(tmp_path / "forgotten")
    assert other.stages_run("dvc", "repro") == ["inputs"]


def test_nothing_of_the_users_is_deleted(copied: Checkout) -> None:
    photographs = copied.root / "data" / "images"
    shutil.rmtree(photographs)
    shutil.copytree(copied.root.parent / "photos", photographs)
    kept = copied.files("data/images")
    copied.edit("params.yaml", "../photos", "data/images")
    with pytest.raises(AssertionError, match=r"data\.source"):
        copied.run("dvc", "repro")
    with pytest.raises(AssertionError, match=r"data\.source"):
        copied.run("dvc", "repro", "-s", "prepare")
    assert copied.files("data/images") == kept
