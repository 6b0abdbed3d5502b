"""The rule of the default taps, on each family of networks."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.outlines import outline, own_size
from vital.errors import ModelError
from vital.networks.build import freeze
from vital.networks.cifar_resnet20 import cifar_resnet20
from vital.networks.taps.defaults import default_taps
from vital.networks.taps.reader import tap_shapes


def blocks(prefix: str, *indices: int) -> list[str]:
    return [f"{prefix}{index}" for index in indices]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("timm/resnet18", ["conv1", *blocks("layer", 1, 2, 3, 4)]),
        ("timm/test_resnet", ["conv1.0", *blocks("layer", 1, 2, 3, 4)]),
        ("timm/resnetv2_50", ["stem.conv", *blocks("stages.", 0, 1, 2, 3)]),
        (
            "timm/densenet121",
            ["features.conv0", *blocks("features.denseblock", 1, 2, 3), "features.norm5"],
        ),
        ("timm/test_convnext", ["stem.0", *blocks("stages.", 0, 1, 2, 3)]),
        ("timm/test_efficientnet", ["conv_stem", *blocks("blocks.", 1, 2, 3, 4)]),
        ("timm/regnety_008", ["stem.conv", *blocks("s", 1, 2, 3, 4)]),
        ("timm/vgg16_bn", ["features.0", *blocks("features.", 22, 32, 42, 43)]),
        ("timm/test_vit", ["patch_embed.proj", *blocks("blocks.", 0, 2, 4, 5)]),
        ("timm/vit_tiny_patch16_224", ["patch_embed.proj", *blocks("blocks.", 0, 4, 8, 11)]),
        (
            "timm/swin_tiny_patch4_window7_224",
            ["patch_embed.proj", *blocks("layers.", 0, 1, 2, 3)],
        ),
        ("timm/test_maxvit", ["stem.conv1", *blocks("stages.", 0, 1, 2, 3)]),
        ("torchvision/resnet50", ["conv1", *blocks("layer", 1, 2, 3, 4)]),
        (
            "torchvision/densenet121",
            ["features.conv0", *blocks("features.denseblock", 1, 2, 3), "features.norm5"],
        ),
        ("torchvision/convnext_base", ["features.0.0", *blocks("features.", 1, 3, 5, 7)]),
        ("torchvision/vgg16_bn", ["features.0", *blocks("features.", 22, 32, 42, 43)]),
        (
            "torchvision/vit_l_16",
            ["conv_proj", *blocks("encoder.layers.encoder_layer_", 0, 8, 16, 23)],
        ),
        ("torchvision/swin_t", ["features.0.0", *blocks("features.", 1, 3, 5), "permute"]),
    ],
)
def test_default_taps_follow_the_rule(name: str, expected: list[str]) -> None:
    network = outline(name)
    assert list(default_taps(network, own_size(network))) == expected


def test_swin_transformers_give_channels_not_columns() -> None:
    expected = [(96, 56**2), (96, 56**2), (192, 28**2), (384, 14**2), (768, 7**2)]
    for name in ("timm/swin_tiny_patch4_window7_224", "torchvision/swin_t"):
        network = outline(name)
        shapes = tap_shapes(network, default_taps(network, (224, 224)), (224, 224))
        assert list(shapes.values()) == expected


def test_three_resolutions_are_spread_over() -> None:
    taps = list(default_taps(freeze(cifar_resnet20()), (32, 32)))
    assert taps == ["conv1", "bn1", "layer1.2", "layer2.2", "layer3.2"]


class Isotropic(nn.Module):
    """A transformer of one's own: patches, then eight blocks of one class, then a head."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 4, 4)
        self.blocks = nn.ModuleList(nn.Linear(6, 6) for _ in range(8))
        self.norm = nn.LayerNorm(6)
        self.heads = nn.ModuleList(nn.Linear(6, 2) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        for block in self.blocks:
            tokens = tokens + block(tokens)
        vector = self.norm(tokens).mean(1)
        return self.heads[0](vector) + self.heads[1](vector)


def test_ones_own_transformer_is_read_along_its_longest_run_of_siblings() -> None:
    expected = ["patches", *blocks("blocks.", 0, 2, 5, 7)]
    assert list(default_taps(Isotropic(), (16, 16))) == expected


class Pyramid(nn.Module):
    """Five resolutions, a module that runs twice, and a head with maps of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.default_cfg = {"first_conv": "nowhere"}
        self.feature_info = [{"module": name, "reduction": 2} for name in ("a", "b", "c", "d")]
        self.backbone = nn.Sequential(*(nn.Conv2d(3, 3, 2, 2) for _ in range(5)))
        self.act = nn.ReLU()
        self.pool = nn.AvgPool2d(2)
        self.head = nn.Conv2d(3, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.pool(self.act(self.act(self.backbone(x))))).flatten(1)


def test_ones_own_pyramid_is_read_at_its_last_four_resolutions() -> None:
    expected = blocks("backbone.", 0, 1, 2, 3, 4)
    assert list(default_taps(Pyramid(), (64, 64))) == expected


@pytest.mark.parametrize(
    "network",
    [nn.Sequential(nn.Flatten(), nn.Linear(192, 2)), nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU())],
)
def test_a_network_too_small_for_five_taps_asks_for_names(network: nn.Module) -> None:
    with pytest.raises(ModelError, match=r"no default taps .*extract\.taps"):
        default_taps(network, (8, 8))
