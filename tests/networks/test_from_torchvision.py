"""Networks of torchvision, as the entries of their weights describe them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torchvision import models

from helpers.small_networks import redraw
from vital.errors import ModelError
from vital.networks.build import build_network, outline_network
from vital.networks.config import network_config
from vital.networks.weights import load_weights


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
