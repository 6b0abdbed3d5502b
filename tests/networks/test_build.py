"""Networks by name: built, outlined and frozen."""

from __future__ import annotations

import logging

import pytest
from torch import nn

from vital.errors import ModelError
from vital.networks.build import build_network, freeze, outline_network, read_outline
from vital.networks.config import network_config


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


def test_what_an_outline_cannot_say_the_whole_network_says(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def read(network: nn.Module) -> float:
        seen.append(network.conv1.weight.device.type)
        if seen[-1] == "meta":
            raise ModelError("no values")
        return float(network.conv1.weight.sum())

    seen: list[str] = []
    with caplog.at_level(logging.INFO):
        assert read_outline(read, "timm/resnet10t", {"stem_type": ""}) != 0
    assert seen == ["meta", "cpu"]
    assert "timm/resnet10t" in caplog.text
    assert read_outline(lambda network: len(list(network.children())), "timm/resnet10t", {}) > 3


def test_what_the_whole_network_cannot_say_is_asked_once() -> None:
    def read(_network: nn.Module) -> None:
        seen.append(1)
        raise ModelError("no")

    seen: list[int] = []
    with pytest.raises(ModelError, match="no"):
        read_outline(read, "python:vital.networks.cifar_resnet20:cifar_resnet20", {})
    assert len(seen) == 1


def test_a_frozen_network_learns_nothing_and_overwrites_nothing() -> None:
    network = freeze(build_network("torchvision/vgg16_bn", {"num_classes": 2}))
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not any(getattr(module, "inplace", False) for module in network.modules())
