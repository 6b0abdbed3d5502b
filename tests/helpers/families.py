"""Small networks of every family, with all that training would move redrawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import timm
import torch
import torchvision
from torch import nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.densenet import DenseNet
from torchvision.models.efficientnet import EfficientNet, MBConvConfig
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.models.vision_transformer import VisionTransformer

TOKENS = ("cls_token", "reg_token", "dist_token", "class_token", "pos_embed", "pos_embedding")


@dataclass(frozen=True)
class Family:
    """How to build a network, the side of its images, and taps that its flow goes through."""

    build: Callable[[], nn.Module]
    size: int
    taps: tuple[str, ...]
    start: str


def create(name: str, **kwargs: object) -> Callable[[], nn.Module]:
    return lambda: timm.create_model(name, num_classes=10, **kwargs)


def torchvision_vgg(layers: list[int | str], batch_norm: bool) -> nn.Module:
    """torchvision's VGG with a classifier small enough to test."""
    features = torchvision.models.vgg.make_layers(layers, batch_norm)
    network = torchvision.models.vgg.VGG.__new__(torchvision.models.vgg.VGG)
    nn.Module.__init__(network)
    network.features = features
    network.avgpool = nn.AdaptiveAvgPool2d((2, 2))
    network.classifier = nn.Sequential(
        nn.Linear(16 * 4, 24), nn.ReLU(True), nn.Dropout(), nn.Linear(24, 10)
    )
    return network


def torchvision_efficientnet() -> nn.Module:
    settings = [
        MBConvConfig(1, 3, 1, 16, 16, 1),
        MBConvConfig(4, 3, 2, 16, 16, 2),
        MBConvConfig(4, 5, 2, 16, 24, 2),
    ]
    return EfficientNet(settings, dropout=0.2, num_classes=10, last_channel=32)


def torchvision_convnext() -> nn.Module:
    settings = [CNBlockConfig(8, 16, 2), CNBlockConfig(16, None, 2)]
    return ConvNeXt(settings, layer_scale=1e-6, num_classes=10)


def torchvision_vit() -> nn.Module:
    return VisionTransformer(32, 8, 3, 4, 32, 48, num_classes=10)


def torchvision_swin() -> nn.Module:
    # Windows of 4 on a grid of 10 need padding, and the second block of a stage is shifted.
    return SwinTransformer([4, 4], 16, [2, 2], [2, 4], [4, 4], num_classes=10)


STAGES = ("layer1", "layer2", "layer3", "layer4")

FAMILIES: dict[str, Family] = {
    "timm resnet": Family(create("test_resnet"), 64, ("conv1.0", *STAGES[:-1]), "layer4"),
    "timm resnet anti-aliased": Family(
        create("test_resnet", aa_layer=timm.layers.BlurPool2d),
        64,
        ("conv1.0", *STAGES[:-1]),
        "layer4",
    ),
    "torchvision resnet basic": Family(
        partial(torchvision.models.resnet18, num_classes=10), 64, ("conv1", *STAGES[:-1]), "layer4"
    ),
    "torchvision resnet bottleneck": Family(
        lambda: ResNet(Bottleneck, [1, 2, 1, 1], 10, width_per_group=16),
        64,
        ("conv1", *STAGES[:-1]),
        "layer4",
    ),
    "timm densenet": Family(
        lambda: timm.models.densenet.DenseNet(8, (2, 3, 2), num_classes=10),
        48,
        ("features.conv0", "features.denseblock1", "features.denseblock2"),
        "features.denseblock3",
    ),
    "torchvision densenet": Family(
        lambda: DenseNet(8, (2, 3, 2), 16, num_classes=10),
        48,
        ("features.conv0", "features.denseblock1", "features.denseblock2"),
        "features.denseblock3",
    ),
    "timm convnext v1": Family(
        create("test_convnext"), 64, ("stem.0", "stages.0", "stages.1", "stages.2"), "stages.3"
    ),
    "timm convnext v2": Family(
        create("convnextv2_atto", depths=(1, 2, 1, 1), dims=(8, 16, 16, 24)),
        64,
        ("stem.0", "stages.0", "stages.1", "stages.2"),
        "stages.3",
    ),
    "torchvision convnext": Family(
        torchvision_convnext, 48, ("features.0.0", "features.1", "features.2.1"), "features.3"
    ),
    "timm mobilenetv2": Family(
        create("mobilenetv2_035"),
        64,
        ("conv_stem", "blocks.0", "blocks.1", "blocks.2", "blocks.3", "blocks.4"),
        "blocks.6",
    ),
    "torchvision mobilenetv2": Family(
        lambda: torchvision.models.mobilenet_v2(num_classes=10, width_mult=0.25),
        64,
        ("features.0.0", "features.1", "features.3", "features.6", "features.10"),
        "features.17",
    ),
    "timm efficientnet": Family(
        create("test_efficientnet"),
        64,
        ("conv_stem", "blocks.0", "blocks.1", "blocks.2", "blocks.3"),
        "blocks.4",
    ),
    "torchvision efficientnet": Family(
        torchvision_efficientnet, 48, ("features.0.0", "features.1", "features.2"), "features.3"
    ),
    "timm vgg": Family(
        lambda: timm.models.vgg.VGG([8, "M", 16, "M", 16, "M"], 10, mlp_ratio=0.01),
        56,
        ("features.0", "features.2", "features.5"),
        "features.8",
    ),
    "torchvision vgg": Family(
        lambda: torchvision_vgg([8, "M", 16, "M", 16, "M"], batch_norm=False),
        40,
        ("features.0", "features.2", "features.5"),
        "features.8",
    ),
    "torchvision vgg with batch norm": Family(
        lambda: torchvision_vgg([8, "M", 16, "M", 16, "M"], batch_norm=True),
        40,
        ("features.0", "features.3", "features.7"),
        "features.11",
    ),
    "timm vit": Family(
        create("test_vit", img_size=64), 64, ("blocks.0", "blocks.2", "blocks.4"), "blocks.5"
    ),
    "timm vit with layer scale and registers": Family(
        create("test_vit2", img_size=64), 64, ("blocks.0", "blocks.2", "blocks.4"), "blocks.7"
    ),
    "timm deit": Family(
        create("deit_tiny_distilled_patch16_224", img_size=64, depth=3, embed_dim=48),
        64,
        ("blocks.0", "blocks.1"),
        "blocks.2",
    ),
    "torchvision vit": Family(
        torchvision_vit,
        32,
        ("encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_1"),
        "encoder.layers.encoder_layer_2",
    ),
    "timm swin": Family(
        create(
            "swin_tiny_patch4_window7_224",
            img_size=64,
            embed_dim=16,
            depths=(2, 2),
            num_heads=(2, 4),
            window_size=4,
        ),
        64,
        ("patch_embed", "layers.0"),
        "layers.1",
    ),
    "torchvision swin": Family(
        torchvision_swin, 40, ("features.0", "features.1", "features.2"), "features.3"
    ),
}


def of_timm(name: str) -> Callable[[], nn.Module]:
    return lambda: timm.create_model(name)


def of_torchvision(name: str) -> Callable[[], nn.Module]:
    return lambda: torchvision.models.get_model(name)


FULL_SIZE: dict[str, Family] = {
    name: Family(make, 224, taps, start)
    for name, make, taps, start in (
        ("timm resnet50", of_timm("resnet50"), STAGES[:-1], "layer4"),
        ("torchvision resnet50", of_torchvision("resnet50"), STAGES[:-1], "layer4"),
        (
            "timm densenet121",
            of_timm("densenet121"),
            ("features.denseblock1", "features.denseblock2", "features.denseblock3"),
            "features.denseblock4",
        ),
        (
            "torchvision densenet121",
            of_torchvision("densenet121"),
            ("features.denseblock1", "features.denseblock2", "features.denseblock3"),
            "features.denseblock4",
        ),
        ("timm convnext_tiny", of_timm("convnext_tiny"), ("stages.0", "stages.2"), "stages.3"),
        ("timm convnextv2_nano", of_timm("convnextv2_nano"), ("stages.0", "stages.2"), "stages.3"),
        (
            "torchvision convnext_tiny",
            of_torchvision("convnext_tiny"),
            ("features.1", "features.5"),
            "features.7",
        ),
        ("timm mobilenetv2_100", of_timm("mobilenetv2_100"), ("blocks.0", "blocks.3"), "blocks.6"),
        (
            "torchvision mobilenet_v2",
            of_torchvision("mobilenet_v2"),
            ("features.3", "features.10"),
            "features.17",
        ),
        ("timm efficientnet_b0", of_timm("efficientnet_b0"), ("blocks.0", "blocks.3"), "blocks.6"),
        (
            "torchvision efficientnet_b0",
            of_torchvision("efficientnet_b0"),
            ("features.1", "features.4"),
            "features.7",
        ),
        ("timm vgg11_bn", of_timm("vgg11_bn"), ("features.3", "features.10"), "features.27"),
        (
            "torchvision vgg11",
            of_torchvision("vgg11"),
            ("features.2", "features.10"),
            "features.19",
        ),
        ("timm vit_tiny", of_timm("vit_tiny_patch16_224"), ("blocks.0", "blocks.5"), "blocks.11"),
        ("timm deit_tiny", of_timm("deit_tiny_patch16_224"), ("blocks.0", "blocks.5"), "blocks.11"),
        (
            "torchvision vit_b_32",
            of_torchvision("vit_b_32"),
            ("encoder.layers.encoder_layer_0", "encoder.layers.encoder_layer_5"),
            "encoder.layers.encoder_layer_11",
        ),
        (
            "timm swin_tiny",
            of_timm("swin_tiny_patch4_window7_224"),
            ("layers.0", "layers.2"),
            "layers.3",
        ),
        (
            "torchvision swin_t",
            of_torchvision("swin_t"),
            ("features.1", "features.5"),
            "features.7",
        ),
    )
}


def network_of(family: Family, seed: int = 0) -> nn.Module:
    """The family's network in evaluation mode, all of its parameters and statistics redrawn."""
    return redrawn(family.build().eval(), seed)


def redrawn(network: nn.Module, seed: int) -> nn.Module:
    """Move every weight, gain, layer scale, statistic and additive term away from its start."""
    draws = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.copy_(_draw(name, value, draws))
    return network


def _draw(name: str, value: torch.Tensor, draws: torch.Generator) -> torch.Tensor:
    last = name.rsplit(".", 1)[-1]
    normal = torch.randn(value.shape, generator=draws)
    uniform = torch.rand(value.shape, generator=draws)
    if last == "running_var":
        return 0.5 + uniform
    if value.dim() > 1 and last not in TOKENS and last != "layer_scale":
        fan_in = value[0].numel()
        return normal * (1.5 / fan_in) ** 0.5
    if last in ("weight", "gamma", "layer_scale"):
        return 0.5 + uniform
    return 0.2 * normal


def without_additive_terms(network: nn.Module) -> nn.Module:
    """Set biases, shifts of norms, running means, position embeddings and tokens to zero."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            last = name.rsplit(".", 1)[-1]
            if last in ("bias", "in_proj_bias", "running_mean", *TOKENS):
                value.zero_()
    return network


def images_of(family: Family, count: int = 2, seed: int = 1) -> torch.Tensor:
    draws = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, family.size, family.size, generator=draws)
