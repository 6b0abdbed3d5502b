"""Networks by name, from timm and torchvision, with and without their published weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torchvision import models

from helpers.small_networks import redraw
from vital.errors import ModelError
from vital.networks.build import build_network, freeze, outline_network
from vital.networks.config import network_config
from vital.networks.weights import load_weights


@pytest.mark.parametrize(
    ("name", "kwargs", "expected"),
    [
        ("timm/resnet81", {}, "timm has no 'resnet81'; did you mean .*'resnet18'"),
        ("timm/resnet18.a1_in2k", {}, r"did you mean .*'resnet18\.a1_in1k'"),
        ("timm/resnet18", {"num_clases": 3}, "timm/resnet18 cannot be built .*num_clases"),
        ("torchvision/resnet51", {}, "torchvision has no 'resnet51'; did you mean .*'resnet50'"),
        ("torchvision/fasterrcnn_resnet50_fpn", {}, "torchvision has no"),
        ("torchvision/resnet18", {"num_clases": 3}, "torchvision/resnet18 cannot be built"),
        ("resnet18", {}, "unknown origin; write timm/<architecture>, torchvision/"),
        ("torch/resnet18", {}, "unknown origin"),
        ("timm/", {}, "unknown origin"),
    ],
)
def test_a_network_that_cannot_be_built(name: str, kwargs: dict[str, int], expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        build_network(name, kwargs)


def test_weights_are_chosen_by_the_name_of_their_entry() -> None:
    first = build_network("torchvision/resnet50", {}, weights="IMAGENET1K_V1")
    newest = build_network("torchvision/resnet50", {})
    assert network_config(first)["crop_pct"] == 224 / 256
    assert network_config(newest)["crop_pct"] == 224 / 232
    assert network_config(newest)["tag"] == "IMAGENET1K_V2"
    with pytest.raises(ModelError, match=r"no weights 'IMAGENET1K_V3'; did you mean.*_V2"):
        build_network("torchvision/resnet50", {}, weights="IMAGENET1K_V3")
    with pytest.raises(ModelError, match=r"cannot be chosen for 'timm/resnet50'.*<tag>"):
        build_network("timm/resnet50", {}, weights="IMAGENET1K_V2")


def test_torchvisions_networks_say_how_they_want_their_images() -> None:
    config = network_config(outline_network("torchvision/vit_l_16", {}))
    theirs = models.ViT_L_16_Weights.DEFAULT.transforms()
    assert config["input_size"] == (3, theirs.crop_size[0], theirs.crop_size[0])
    assert config["crop_pct"] == theirs.crop_size[0] / theirs.resize_size[0]
    assert config["mean"] == tuple(theirs.mean)
    assert config["std"] == tuple(theirs.std)
    assert config["interpolation"] == theirs.interpolation.value
    assert outline_network("torchvision/swin_t", {}).output_fmt == "NHWC"


def test_a_network_is_built_as_its_weights_need_it() -> None:
    large = outline_network("torchvision/vit_l_16", {}, weights="IMAGENET1K_SWAG_E2E_V1")
    assert network_config(large)["input_size"] == (3, 512, 512)
    assert large.encoder.pos_embedding.shape[1] == 1 + 32 * 32
    assert build_network("torchvision/googlenet", {}).transform_input


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [("timm/vit_tiny_patch16_224", {"img_size": 96}), ("torchvision/vit_b_16", {"image_size": 96})],
)
def test_a_network_built_for_another_size_says_so(name: str, kwargs: dict[str, int]) -> None:
    assert network_config(outline_network(name, kwargs))["input_size"] == (3, 96, 96)


def test_published_weights_never_get_a_random_classifier() -> None:
    with pytest.raises(ModelError, match="have 1000 classes, not 10: the classifier would be"):
        build_network("timm/resnet18", {"num_classes": 10}, pretrained=True)


def test_an_outline_has_no_values_unless_it_needs_them() -> None:
    assert next(outline_network("timm/vit_large_patch16_224", {}).parameters()).is_meta
    assert not next(outline_network("torchvision/regnet_y_400mf", {}).parameters()).is_meta
    with pytest.raises(ModelError, match="did you mean"):
        outline_network("timm/resnet81", {})


def test_a_frozen_network_learns_nothing_and_overwrites_nothing() -> None:
    network = freeze(build_network("torchvision/vgg16_bn", {"num_classes": 2}))
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not any(getattr(module, "inplace", False) for module in network.modules())


@pytest.fixture
def timm_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the client of timm's hub keeps what it has fetched; nothing can be fetched."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path


def put_into_hub(folder: Path, model: str, state: dict[str, torch.Tensor]) -> Path:
    """Write weights in the layout in which the hub's client keeps them."""
    repository, revision = folder / f"models--timm--{model}", "0" * 40
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(revision, encoding="utf-8")
    file = repository / "snapshots" / revision / "model.safetensors"
    file.parent.mkdir(parents=True)
    save_file(state, file)
    return file


def test_timms_weights_are_taken_from_the_hubs_folder_or_asked_for(timm_home: Path) -> None:
    with pytest.raises(ModelError) as caught:
        build_network("timm/test_resnet", {}, pretrained=True)
    missing = "weights of timm/test_resnet (hub: timm/test_resnet.r160_in1k) cannot be fetched"
    assert missing in str(caught.value)
    assert "give a local file instead (model.checkpoint, or --checkpoint)" in str(caught.value)
    state = redraw(build_network("timm/test_resnet", {}), seed=1).state_dict()
    file = put_into_hub(timm_home, "test_resnet.r160_in1k", state)
    network = build_network("timm/test_resnet", {}, pretrained=True)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    file.write_bytes(b"cut off")
    with pytest.raises(ModelError, match="cannot be fetched"):
        build_network("timm/test_resnet", {}, pretrained=True)


@pytest.fixture
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torch.hub keeps what it has fetched; nothing can be fetched."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://localhost:9")
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


def test_torchvisions_weights_are_taken_from_the_hubs_folder_or_asked_for(torch_home: Path) -> None:
    name, file = "torchvision/squeezenet1_1", "squeezenet1_1-b8a52dc0.pth"
    with pytest.raises(ModelError) as caught:
        build_network(name, {}, pretrained=True)
    assert f"weights of {name} (IMAGENET1K_V1, {file}) cannot be fetched" in str(caught.value)
    assert "give a local file instead" in str(caught.value)
    state = redraw(build_network(name, {}), seed=1).state_dict()
    torch.save(state, torch_home / file)
    network = build_network(name, {}, pretrained=True)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    (torch_home / file).write_bytes(b"cut off")
    with pytest.raises(ModelError, match="cannot be fetched"):
        build_network(name, {}, pretrained=True)


def test_a_local_file_of_torchvisions_stands_in_for_its_weights(torch_home: Path) -> None:
    """Its densenets' files have names from before module names could hold no dots."""
    network = redraw(build_network("torchvision/densenet121", {}), seed=1)
    state = network.state_dict()
    old = {_old_name(key): value for key, value in state.items() if "num_batches" not in key}
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    torch.save(old, torch_home / "densenet121-a639ec97.pth")
    for again in (
        build_network("torchvision/densenet121", {}, pretrained=True),
        build_network("torchvision/densenet121", {}),
    ):
        load_weights(again, torch_home / "densenet121-a639ec97.pth")
        for key, value in again.state_dict().items():
            assert torch.equal(value, state[key])


def _old_name(name: str) -> str:
    parts = name.split(".")
    if "denselayer" in name and parts[3][:-1] in ("norm", "conv"):
        parts[3] = f"{parts[3][:-1]}.{parts[3][-1]}"
    return ".".join(parts)
