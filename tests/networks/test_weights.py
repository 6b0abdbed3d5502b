"""Checkpoints that fit, and those that do not."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from helpers.small_networks import KWARGS, redraw, tiny
from vital.errors import ModelError
from vital.networks.build import build_network
from vital.networks.weights import load_state, load_weights, state_digest


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
    network = nn.Sequential(OrderedDict(module=nn.Linear(2, 2)))
    state = {name: value + 1 for name, value in network.state_dict().items()}
    save_file(state, tmp_path / "a.safetensors")
    load_weights(network, tmp_path / "a.safetensors")
    assert_same(network, state)


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


def test_what_is_left_out_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    state = redraw(tiny(), seed=1).state_dict()
    path = tmp_path / "wrapped.pt"
    torch.save({f"module._orig_mod.{name}": value for name, value in state.items()}, path)
    network = tiny()
    with caplog.at_level("INFO"):
        load_weights(network, path)
    assert_same(network, state)
    assert caplog.messages == [
        f"checkpoint {path}: 'module._orig_mod.' is left out before every name"
    ]


def test_the_key_chooses_the_table(tmp_path: Path) -> None:
    plain, averaged = (redraw(tiny(), seed).state_dict() for seed in (1, 2))
    torch.save({"state_dict": plain, "state_dict_ema": averaged}, tmp_path / "both.pt")
    network = tiny()
    load_weights(network, tmp_path / "both.pt")
    assert_same(network, plain)
    load_weights(network, tmp_path / "both.pt", "state_dict_ema")
    assert_same(network, averaged)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_another_type_of_numbers_becomes_the_networks(dtype: torch.dtype) -> None:
    state = {
        name: value.to(dtype) for name, value in redraw(nn.Linear(3, 3), 1).state_dict().items()
    }
    network = nn.Linear(3, 3)
    load_state(network, state, "it")
    for name, value in network.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, state[name].float())


class Lenient(nn.Linear):
    """A module whose own loading passes over what does not fit."""

    def load_state_dict(self, state: Any, *_: object, **__: object) -> Any:  # type: ignore[override]
        return super().load_state_dict(state, strict=False)


class Rounding(nn.Linear):
    """A module whose own loading changes what it is given."""

    def load_state_dict(self, state: Any, *_: object, **__: object) -> Any:  # type: ignore[override]
        return super().load_state_dict({name: value.round() for name, value in state.items()})


class Renaming(nn.Linear):
    """A module that reads the names of its earlier version, as torchvision's transformers do."""

    def _load_from_state_dict(self, state: Any, prefix: str, *further: Any) -> None:
        if prefix + "kernel" in state:
            state[prefix + "weight"] = state.pop(prefix + "kernel")
        super()._load_from_state_dict(state, prefix, *further)


def test_the_weights_are_compared_whatever_a_modules_own_loading_does() -> None:
    state = redraw(nn.Linear(2, 3), seed=1).state_dict()
    kernel = {"kernel": state["weight"], "bias": state["bias"]}
    load_state(Lenient(2, 3), state, "it")
    load_state(Renaming(2, 3), kernel, "it")
    for network, given, expected in (
        (Lenient(2, 3), {"bias": state["bias"]}, "'weight'"),
        (Lenient(2, 3), {**state, "extra": torch.ones(9)}, "'extra'"),
        (Rounding(2, 3), state, "'weight', 'bias'"),
        (Renaming(2, 3), {**kernel, "weight": state["weight"] + 1}, "'weight', 'kernel'"),
    ):
        with pytest.raises(ModelError, match=f"the network does not take {expected} as given"):
            load_state(network, given, "it")


def test_weights_that_are_one_must_be_given_as_one() -> None:
    tied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tied[1].weight = tied[0].weight
    state = redraw(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), seed=1).state_dict()
    with pytest.raises(ModelError, match=r"does not take '0\.weight' as given"):
        load_state(tied, state, "it")
    load_state(tied, {**state, "0.weight": state["1.weight"]}, "it")


def test_counts_of_batches_may_be_absent() -> None:
    state = dict(redraw(nn.Sequential(nn.BatchNorm2d(3)), seed=1).state_dict())
    del state["0.num_batches_tracked"]
    network = nn.Sequential(nn.BatchNorm2d(3))
    load_state(network, state, "it")
    assert torch.equal(network[0].running_mean, state["0.running_mean"])


def test_layers_without_a_shape_get_it_from_the_file() -> None:
    state = redraw(nn.Linear(2, 3), seed=1).state_dict()
    network = nn.LazyLinear(3)
    load_state(network, state, "it")
    assert torch.equal(network.weight, state["weight"])
    with pytest.raises(ModelError, match="'weight' of the network has no shape yet"):
        state_digest(nn.LazyLinear(3))


def test_networks_of_other_than_dense_tensors_are_refused() -> None:
    quantised = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(2, 2)))
    for network in (quantised, nn.Linear(2, 2, device="meta")):
        with pytest.raises(ModelError, match="of the network"):
            state_digest(network)
        with pytest.raises(ModelError, match="of the network"):
            load_state(network, nn.Sequential(nn.Linear(2, 2)).state_dict(), "it")
