"""How a network wants its images: its own word, what overrides it, and what nobody says."""

from __future__ import annotations

import pytest
from torch import nn

from vital.errors import ModelError
from vital.images.preprocessing import Preprocessing
from vital.networks.build import outline_network
from vital.networks.cifar_resnet20 import cifar_resnet20
from vital.networks.config import network_preprocessing

GREY = {"size": (8, 8), "mean": (0.5,) * 3, "std": (0.5,) * 3}


def test_a_networks_own_word() -> None:
    ours = network_preprocessing(outline_network("timm/inception_v3", {}), {})
    assert ours == Preprocessing((299, 299), (0.5,) * 3, (0.5,) * 3, "bicubic", 0.875)
    theirs = network_preprocessing(outline_network("torchvision/resnet50", {}), {})
    assert theirs.size == (224, 224)
    assert theirs.crop_pct == 224 / 232
    assert theirs.interpolation == "bilinear"
    assert network_preprocessing(cifar_resnet20(), {}).size == (32, 32)


def test_each_field_can_be_overridden_alone() -> None:
    network = cifar_resnet20()
    own = network_preprocessing(network, {})
    for field, value in {**GREY, "interpolation": "lanczos", "crop_pct": 0.5}.items():
        changed = network_preprocessing(network, {field: value})
        assert changed.to_dict() == {**own.to_dict(), field: value}


def test_what_nobody_says_is_named() -> None:
    silent = nn.Identity()
    with pytest.raises(ModelError, match=r"give preprocessing \(size, mean, std\)"):
        network_preprocessing(silent, {})
    with pytest.raises(ModelError, match=r"give preprocessing \(std\)"):
        network_preprocessing(silent, {"size": (8, 8), "mean": (0.5,) * 3})
    assert network_preprocessing(silent, GREY) == Preprocessing(**GREY)


@pytest.mark.parametrize(
    "config",
    [
        {"input_size": 64},
        {"input_size": None},
        {"mean": 0.5},
        {"std": (0.1, 0.2)},
        {"input_size": (3,)},
        {"mean": ("a", "b", "c")},
    ],
)
def test_a_configuration_that_cannot_be_used_is_an_error(config: dict[str, object]) -> None:
    network = nn.Identity()
    network.default_cfg = {"input_size": (3, 8, 8), "mean": (0,) * 3, "std": (1,) * 3, **config}
    with pytest.raises(ModelError, match="cannot be used"):
        network_preprocessing(network, {})
