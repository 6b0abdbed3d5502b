"""The network under study: opened by name, by file or as it is, saved and loaded again."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from helpers.small_networks import KWARGS, redraw, tiny, write_weights
from vital.errors import ArtefactError, ModelError
from vital.images.preprocessing import Preprocessing
from vital.networks.build import build_network, freeze
from vital.networks.model import StudiedModel, describe_further, load_model, open_model, save_model
from vital.networks.taps.reader import INPUT_TAP
from vital.runtime.files import digest_file, read_json

SIDE = {"size": (64, 64)}
CIFAR = "python:vital.networks.cifar_resnet20:cifar_resnet20"


def test_opening_a_module_leaves_it_as_it_was() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True)).train()
    preprocessing = Preprocessing((8, 8), (0.5,) * 3, (0.5,) * 3)
    opened = open_model(network, preprocessing=preprocessing, taps=["0", INPUT_TAP])
    assert network.training
    assert network[1].inplace
    assert all(parameter.requires_grad for parameter in network.parameters())
    assert not opened.network.training
    with pytest.raises(ModelError, match="give preprocessing"):
        open_model(network)


def test_networks_of_all_origins_are_opened_by_name(checkpoint: Path, tmp_path: Path) -> None:
    ours = open_model("timm/resnet10t", checkpoint=checkpoint, kwargs=KWARGS, preprocessing=SIDE)
    assert list(ours.taps) == ["conv1.0", "layer1", "layer2", "layer3", "layer4"]
    assert (ours.preprocessing.size, ours.outputs, ours.classes) == ((64, 64), 4, ())
    file = tmp_path / "squeezenet.pth"
    theirs = redraw(build_network("torchvision/squeezenet1_1", {}), seed=1)
    torch.save(theirs.state_dict(), file)
    opened = open_model("torchvision/squeezenet1_1", checkpoint=file, weights="IMAGENET1K_V1")
    assert (opened.preprocessing.size, opened.outputs) == ((224, 224), 1000)
    own = open_model(CIFAR)
    assert own.classes[3] == "cat"
    assert (own.preprocessing.size, own.outputs) == ((32, 32), 10)


def test_of_several_tables_the_named_one_is_loaded(checkpoint: Path, tmp_path: Path) -> None:
    state = load_file(checkpoint)
    other = {name: torch.zeros_like(value) for name, value in state.items()}
    torch.save({"model": other, "model_ema": state}, tmp_path / "both.pt")
    file = {"checkpoint": tmp_path / "both.pt", "kwargs": KWARGS, "preprocessing": SIDE}
    opened = open_model("timm/resnet10t", weights_key="model_ema", **file)
    expected = open_model("timm/resnet10t", **{**file, "checkpoint": checkpoint})
    assert opened.sha256 == expected.sha256
    assert open_model("timm/resnet10t", **file).sha256 != expected.sha256


def test_fields_of_preprocessing_override_what_the_network_says() -> None:
    own = open_model(CIFAR)
    changed = open_model(CIFAR, preprocessing={"mean": (0.1, 0.2, 0.3), "size": (48, 48)})
    assert changed.preprocessing.mean == (0.1, 0.2, 0.3)
    assert changed.preprocessing.std == own.preprocessing.std
    assert changed.preprocessing.size == (48, 48)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"classes": ("a", "b")}, "2 classes are named, but the network has 10"),
        ({"checkpoint": "nowhere.pt"}, r"nowhere\.pt does not exist"),
        ({"kwargs": {"width": 3}}, "failed with {'width': 3}: TypeError"),
        ({"weights": "DEFAULT"}, "cannot be chosen"),
        ({"weights_key": "ema"}, "weights_key 'ema' chooses from a checkpoint; give one"),
    ],
)
def test_what_does_not_fit_is_named(options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        open_model(CIFAR, **options)


def test_a_size_that_the_network_cannot_take_is_an_error_at_once(tmp_path: Path) -> None:
    network = build_network("timm/test_vit", {"dynamic_img_size": False})
    save_file(network.state_dict(), tmp_path / "vit.safetensors")
    with pytest.raises(ModelError, match="does not run on an image of 64 x 64 pixels"):
        open_model(
            "timm/test_vit",
            kwargs={"dynamic_img_size": False},
            checkpoint=tmp_path / "vit.safetensors",
            preprocessing=SIDE,
        )


def test_a_network_without_a_classifier_has_no_outputs(tmp_path: Path) -> None:
    network = build_network("timm/test_resnet", {"num_classes": 0})
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    opened = open_model(
        "timm/test_resnet", kwargs={"num_classes": 0}, checkpoint=tmp_path / "a.safetensors"
    )
    with pytest.raises(ModelError, match="no classifier"):
        _ = opened.outputs


def test_the_digest_covers_weights_arguments_and_source(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sha256(file: Path = checkpoint, **changes: object) -> str:
        kwargs = {**KWARGS, **changes}
        return open_model(
            "timm/resnet10t", checkpoint=file, kwargs=kwargs, preprocessing=SIDE
        ).sha256

    same = sha256()
    assert sha256() == same
    assert sha256(act_layer="gelu") != same, "an argument that changes no weight"
    other = write_weights(tmp_path / "other.safetensors", seed=2)
    assert sha256(other) != same
    monkeypatch.chdir(tmp_path)
    source = "from torch import nn\ndef make():\n    return nn.Sequential(nn.Conv2d(3, 2, 1))\n"
    options = {"preprocessing": {"size": (8, 8), "mean": (0,) * 3, "std": (1,) * 3}, "taps": ["0"]}
    digests = set()
    for number, text in enumerate((source, source, source + "# changed\n")):
        (tmp_path / "own_net.py").write_text(text, encoding="utf-8")
        sys.modules.pop("own_net", None)
        torch.manual_seed(0)
        digests.add(open_model("python:own_net:make", **options).sha256)
        assert len(digests) == (1, 1, 2)[number]


def description_of(studied: StudiedModel, **further: object) -> dict[str, object]:
    return {
        "architecture": studied.name,
        "kwargs": KWARGS,
        "classes": list(studied.classes),
        "preprocessing": studied.preprocessing.to_dict(),
        "taps": studied.taps,
        **further,
    }


def test_a_saved_model_is_loaded_or_refused(tmp_path: Path, studied: StudiedModel) -> None:
    sha256 = save_model(tmp_path, studied.network, description_of(studied))
    describe_further(tmp_path, {"accuracy": 0.5})
    description = read_json(tmp_path / "model.json")
    assert description["sha256"] == sha256 == digest_file(tmp_path / "model.safetensors")
    assert description["accuracy"] == 0.5
    again = load_model(tmp_path)
    assert again.classes == studied.classes
    assert again.preprocessing == studied.preprocessing
    images = torch.randn(1, 3, 32, 32)
    assert torch.equal(again.network(images), studied.network(images))
    save_file(tiny().state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(ArtefactError, match="is not the file"):
        load_model(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(ArtefactError, match="run the model stage"):
        load_model(tmp_path)


def test_torchvisions_network_is_built_again_as_its_weights_needed_it(tmp_path: Path) -> None:
    network = freeze(build_network("torchvision/googlenet", {}, weights="IMAGENET1K_V1"))
    opened = open_model(network, taps=["conv1"])
    facts = {"architecture": "torchvision/googlenet", "kwargs": {}, "entry": "IMAGENET1K_V1"}
    save_model(tmp_path, network, description_of(opened, **facts))
    images = torch.randn(1, 3, 64, 64)
    assert load_model(tmp_path).network.transform_input
    assert torch.equal(load_model(tmp_path).network(images), network(images))


def test_a_changed_source_file_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "shared_net.py"
    file.write_text(SHARING, encoding="utf-8")
    network = build_network("python:shared_net:make", {})
    description = {
        "architecture": "python:shared_net:make",
        "kwargs": {},
        "classes": ["a", "b"],
        "preprocessing": Preprocessing((8, 8), (0.5,) * 3, (0.5,) * 3).to_dict(),
        "taps": {"first": 1.0},
        "source_sha256": digest_file(file),
    }
    save_model(tmp_path / "model", network, description)
    images = torch.randn(1, 3, 8, 8)
    assert torch.equal(load_model(tmp_path / "model").network(images), network(images))
    file.write_text(SHARING + "# changed", encoding="utf-8")
    with pytest.raises(ArtefactError, match=r"source file of python:shared_net:make has changed"):
        load_model(tmp_path / "model")


SHARING = """
from torch import nn

class Sharing(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 3)
        self.second = nn.Linear(3, 3)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(self.first(x.mean((2, 3))))

def make():
    return Sharing()
"""
