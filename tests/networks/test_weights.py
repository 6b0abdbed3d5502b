"""Checkpoints that fit, and those that do not."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from helpers.small_networks import KWARGS, redraw, tiny
from vital.errors import ModelError
from vital.networks.build import build_network
from vital.networks.weights import load_weights, state_digest


def assert_same(network: nn.Module, state: dict[str, torch.Tensor]) -> None:
    for name, value in network.state_dict().items():
        assert torch.equal(value, state[name]), name


def test_checkpoints_of_every_kind_load(tmp_path: Path) -> None:
    state = redraw(tiny(), seed=1).state_dict()
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pt")
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "c.pt")
    torch.save({f"module.{name}": value for name, value in state.items()}, tmp_path / "d.pt")
    for path in sorted(tmp_path.iterdir()):
        network = tiny()
        load_weights(network, path)
        assert_same(network, state)


def test_a_network_with_a_module_called_module_keeps_its_names(tmp_path: Path) -> None:
    network = nn.Sequential()
    network.add_module("module", nn.Linear(2, 2))
    save_file(network.state_dict(), tmp_path / "a.safetensors")
    load_weights(network, tmp_path / "a.safetensors")


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_a_network_that_asks_for_the_version_of_its_layout(tmp_path: Path, suffix: str) -> None:
    state = redraw(build_network("torchvision/mnasnet0_5", {}), seed=1).state_dict()
    path = tmp_path / f"mnasnet.{suffix}"
    torch.save(state, path) if suffix == "pt" else save_file(state, path)
    network = build_network("torchvision/mnasnet0_5", {})
    load_weights(network, path)
    assert_same(network, state)


def test_a_file_as_the_networks_authors_name_its_weights(tmp_path: Path) -> None:
    """timm converts the files of ConvNeXt's authors when it fetches them; so does a local file."""
    state = redraw(build_network("timm/test_convnext", {}), seed=1).state_dict()
    renamed = {_as_its_authors(name): value for name, value in state.items()}
    assert "downsample_layers.0.0.weight" in renamed
    save_file(renamed, tmp_path / "convnext.safetensors")
    network = build_network("timm/test_convnext", {})
    load_weights(network, tmp_path / "convnext.safetensors")
    assert_same(network, state)


def _as_its_authors(name: str) -> str:
    first, *rest = name.split(".")
    if first == "stem":
        return ".".join(["downsample_layers", "0", *rest])
    if first == "head":
        return ".".join(["norm" if rest[0] == "norm" else "head", rest[1]])
    stage, part, *rest = rest
    if part == "downsample":
        return ".".join(["downsample_layers", stage, *rest])
    renamed = {"conv_dw": "dwconv", "mlp": "mlp"}
    rest = [renamed.get(word, word) for word in rest]
    return ".".join(["stages", stage, *rest]).replace("mlp.fc1", "pwconv1").replace(
        "mlp.fc2", "pwconv2"
    )  # fmt: skip


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
    other = build_network("timm/resnet10t", {**KWARGS, "num_classes": 7})
    save_file(other.state_dict(), tmp_path / "seven.safetensors")
    with pytest.raises(ModelError, match=r"seven\.safetensors does not fit.*fc\.weight"):
        load_weights(tiny(), tmp_path / "seven.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "seven.safetensors").read_bytes()[:99])
    with pytest.raises(ModelError, match="cannot be read"):
        load_weights(tiny(), tmp_path / "cut.safetensors")
    state = tiny().state_dict()
    state["fc.bias"] = torch.full_like(state["fc.bias"], float("nan"))
    save_file(state, tmp_path / "nan.safetensors")
    with pytest.raises(ModelError, match=r"'fc\.bias' holds values that are not finite"):
        load_weights(tiny(), tmp_path / "nan.safetensors")


def test_the_digest_is_of_names_types_shapes_and_values() -> None:
    network = redraw(tiny(), seed=1)
    before = state_digest(network)
    assert state_digest(redraw(tiny(), seed=1)) == before
    with torch.no_grad():
        network.fc.bias[0] += 1
    assert state_digest(network) != before
    assert state_digest(nn.Linear(2, 3)) != state_digest(nn.Linear(3, 2))
