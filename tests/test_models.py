"""Networks by name, checkpoints that fit or do not, and what is known about a network."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from vital.activations import INPUT_TAP
from vital.classes import ClassMap
from vital.errors import ArtefactError, DataError, ModelError
from vital.models import (
    StudiedModel,
    build_network,
    default_taps,
    features_and_logits,
    load_model,
    load_weights,
    open_model,
    save_model,
)
from vital.preprocessing import Preprocessing

TINY = {"channels": [8, 8, 16, 16], "num_classes": 4}


def tiny() -> nn.Module:
    return build_network("timm/resnet10t", TINY)


@pytest.mark.parametrize(
    ("name", "kwargs", "expected"),
    [
        ("timm/resnet81", {}, "did you mean .*'resnet18'"),
        ("resnet18", {}, "timm/<architecture>"),
        ("torch/resnet18", {}, "timm/<architecture>"),
        ("timm/resnet18", {"num_clases": 3}, "cannot be built"),
    ],
)
def test_a_network_that_cannot_be_built(name: str, kwargs: dict[str, int], expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        build_network(name, kwargs)


def test_checkpoints_of_every_kind_load(tmp_path: Path) -> None:
    source = tiny()
    state = source.state_dict()
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pt")
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "c.pt")
    torch.save({f"module.{name}": value for name, value in state.items()}, tmp_path / "d.pt")
    for path in sorted(tmp_path.iterdir()):
        network = tiny()
        load_weights(network, path)
        for name, value in network.state_dict().items():
            assert torch.equal(value, state[name]), path


class Evil:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> object:
        return Path.touch, (self.path,)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    path.write_bytes(pickle.dumps(Evil(tmp_path / "harm")))
    torch.save(Evil(tmp_path / "harm"), tmp_path / "evil2.pt")
    for name in ("evil.pt", "evil2.pt"):
        with pytest.raises(ModelError, match="cannot be read"):
            load_weights(tiny(), tmp_path / name)
    assert not (tmp_path / "harm").exists()


def test_checkpoints_that_do_not_fit_are_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        load_weights(tiny(), tmp_path / "none.pt")
    torch.save({"a": 1}, tmp_path / "table.pt")
    with pytest.raises(ModelError, match="no table of weights"):
        load_weights(tiny(), tmp_path / "table.pt")
    other = build_network("timm/resnet10t", {**TINY, "num_classes": 7})
    save_file(other.state_dict(), tmp_path / "seven.safetensors")
    with pytest.raises(ModelError, match=r"does not fit.*fc\.weight"):
        load_weights(tiny(), tmp_path / "seven.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "seven.safetensors").read_bytes()[:99])
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(tiny(), tmp_path / "cut.safetensors")
    state = tiny().state_dict()
    state["fc.bias"] = torch.full_like(state["fc.bias"], float("nan"))
    save_file(state, tmp_path / "nan.safetensors")
    with pytest.raises(ModelError, match=r"'fc\.bias' holds values that are not finite"):
        load_weights(tiny(), tmp_path / "nan.safetensors")


def test_an_unreachable_hub_says_how_to_go_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match="local file"):
        build_network("timm/resnet18", {}, pretrained=True)


@pytest.mark.parametrize(
    ("name", "taps"),
    [
        ("timm/resnet18", ["conv1", "layer1", "layer2", "layer3", "layer4"]),
        ("timm/densenet121", ["features.conv0", *(f"features.denseblock{i}" for i in range(1, 5))]),
        (
            "timm/vit_tiny_patch16_224",
            ["patch_embed.proj", *(f"blocks.{i}" for i in (0, 4, 8, 11))],
        ),
    ],
)
def test_default_taps_follow_the_rule(name: str, taps: list[str]) -> None:
    found = list(default_taps(build_network(name, {})))
    assert found[0] == taps[0]
    assert len(found) == 5
    if "densenet" not in name:
        assert found == taps


@pytest.mark.parametrize("name", ["timm/resnet18", "timm/vit_tiny_patch16_224"])
def test_features_are_what_the_classifier_sees(name: str) -> None:
    network = build_network(name, {}).eval()
    images = torch.randn(2, 3, 224, 224)
    features, logits = features_and_logits(network, images)
    with torch.no_grad():
        torch.testing.assert_close(logits, network(images))
        expected = network.forward_head(network.forward_features(images), pre_logits=True)
    torch.testing.assert_close(features, expected)


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


def test_a_saved_model_is_loaded_or_refused(tmp_path: Path, studied: StudiedModel) -> None:
    description = {
        "architecture": studied.name,
        "kwargs": TINY,
        "classes": list(studied.classes),
        "preprocessing": studied.preprocessing.to_dict(),
        "taps": studied.taps,
    }
    save_model(tmp_path, studied.network, description)
    again = load_model(tmp_path)
    assert again.classes == studied.classes
    assert again.preprocessing == studied.preprocessing
    images = torch.randn(1, 3, 32, 32)
    assert torch.equal(again.network(images), studied.network(images))
    save_file(tiny().state_dict(), tmp_path / "model.safetensors")
    with pytest.raises(ArtefactError, match="is not the file"):
        load_model(tmp_path)


def test_classes_are_found_by_name_index_and_synset() -> None:
    imagenet = ClassMap((), 1000)
    assert imagenet.find("n02123045") == 281
    assert imagenet.find("tabby") == 281
    assert imagenet.find("281") == 281
    assert imagenet.find("Siamese_cat") == 284
    with pytest.raises(DataError, match="not unique"):
        imagenet.find("crane")
    with pytest.raises(DataError, match=r"'taby' is no class.*'tabby'"):
        imagenet.find("taby")
    assert ClassMap(("a", "b"), 2).find("b") == 1
    with pytest.raises(DataError):
        ClassMap((), 10).find("12")
