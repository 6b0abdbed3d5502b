"""What `vital taps` shows, of networks of every origin."""

from __future__ import annotations

import numpy as np
import pytest
from torch import nn

from vital.errors import ModelError
from vital.networks import tap_table
from vital.networks.tap_table import describe_taps
from vital.networks.taps.module_outputs import ModuleOutput, module_outputs


def test_defaults_of_a_large_network_of_torchvision() -> None:
    table = describe_taps("torchvision/vit_l_32", {})
    assert list(table.columns) == ["tap", "channels", "positions", "weight"]
    assert list(table["channels"]) == [1024] * 5
    assert list(table["positions"]) == [49, 50, 50, 50, 50]
    assert list(table["weight"]) == [1.0] * 5


def test_all_taps_are_seen_in_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = []

    def counted(network: nn.Module, size: tuple[int, int]) -> list[ModuleOutput]:
        passes.append(size)
        return module_outputs(network, size)

    monkeypatch.setattr(tap_table, "module_outputs", counted)
    table = describe_taps("timm/test_resnet", {}, every=True).set_index("tap")
    assert len(passes) == 1
    assert table.index[0] == "input"
    assert tuple(table.loc["input"])[:2] == (3, 160 * 160)
    assert table.loc["layer2", "weight"] == 1.0
    assert np.isnan(table.loc["layer2.0", "weight"])
    assert list(table.index).index("layer1") < list(table.index).index("layer1.0")


def test_a_network_of_ones_own_is_asked_for_its_size_only() -> None:
    own = describe_taps("python:vital.networks.cifar_resnet20:cifar_resnet20", {})
    assert list(own["positions"]) == [1024, 1024, 1024, 256, 64]
    double = describe_taps("python:vital.networks.cifar_resnet20:cifar_resnet20", {}, size=64)
    assert list(double["positions"]) == [4096, 4096, 4096, 1024, 256]
    with pytest.raises(ModelError, match="does not say the size of its images: give it"):
        describe_taps(f"python:{__name__}:silent", {})
    with pytest.raises(ModelError, match="no default taps"):
        describe_taps(f"python:{__name__}:silent", {}, size=16)
    everything = describe_taps(f"python:{__name__}:silent", {}, size=16, every=True)
    assert list(everything["tap"]) == ["input", "0", "1"]


def silent() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())


def test_a_network_that_cannot_do_without_values_is_built_whole() -> None:
    assert len(describe_taps("torchvision/regnet_y_400mf", {})) == 5


def test_entries_of_torchvisions_weights_differ_in_size() -> None:
    table = describe_taps("torchvision/vit_b_16", {}, weights="IMAGENET1K_SWAG_E2E_V1")
    assert list(table["positions"]) == [576, 577, 577, 577, 577]
