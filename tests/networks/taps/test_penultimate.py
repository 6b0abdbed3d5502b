"""Penultimate features are what the classifier sees, whatever the family."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.small_networks import redraw
from vital.errors import ModelError
from vital.networks.build import build_network, freeze
from vital.networks.cifar_resnet20 import cifar_resnet20
from vital.networks.taps.penultimate import features_and_logits


@pytest.mark.parametrize(
    "name",
    [
        "timm/test_resnet",
        "timm/test_vit",
        "timm/test_convnext",
        "timm/test_efficientnet",
        "timm/test_maxvit",
        "timm/test_mambaout",
        "timm/mobilenetv3_small_050",
    ],
)
def test_timms_networks_agree_with_their_own_heads(name: str) -> None:
    network = freeze(redraw(build_network(name, {}), seed=1))
    images = torch.randn(2, 3, *network.pretrained_cfg["input_size"][-2:])
    features, logits = features_and_logits(network, images)
    torch.testing.assert_close(logits, network(images))
    expected = network.forward_head(network.forward_features(images), pre_logits=True)
    torch.testing.assert_close(features, expected)


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("resnet18", "fc"),
        ("mobilenet_v3_small", "classifier.3"),
        ("vit_b_32", "heads.head"),
        ("swin_t", "head"),
        ("densenet121", "classifier"),
    ],
)
def test_the_logits_of_torchvisions_networks_follow_from_the_features(name: str, head: str) -> None:
    network = freeze(build_network(f"torchvision/{name}", {"num_classes": 3}))
    classifier = redraw(network.get_submodule(head), seed=2)
    images = torch.randn(2, 3, 224, 224)
    features, logits = features_and_logits(network, images)
    assert features.shape == (2, classifier.in_features)
    torch.testing.assert_close(classifier(features), logits)


def test_a_convolution_as_classifier_is_averaged_over_positions() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 5, 3), nn.AdaptiveAvgPool2d(2))
            self.gate = nn.Linear(5, 5)
            self.head = nn.Conv2d(5, 2, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.body(x)
            x = x * self.gate(x.mean((2, 3))).sigmoid()[..., None, None]
            return self.head(x).mean((2, 3))

    network = freeze(redraw(Net(), seed=3))
    images = torch.randn(4, 3, 9, 9)
    features, logits = features_and_logits(network, images)
    weight = network.head.weight[:, :, 0, 0]
    torch.testing.assert_close(features @ weight.T + network.head.bias, logits)
    squeeze = freeze(build_network("torchvision/squeezenet1_1", {"num_classes": 3}))
    assert features_and_logits(squeeze, torch.randn(2, 3, 64, 64))[0].shape == (2, 512)


def test_a_classifier_of_tokens_is_averaged_over_them() -> None:
    network = freeze(nn.Sequential(nn.Unflatten(3, (2, 2)), nn.Flatten(1, 3), nn.Linear(2, 3)))
    images = torch.randn(2, 3, 4, 4)
    features, _ = features_and_logits(network, images)
    torch.testing.assert_close(features, images.reshape(2, -1, 2).mean(1))


def test_a_convolution_classifier_of_timm() -> None:
    """The head of a pre-activation ResNet is a convolution of one position."""
    network = freeze(redraw(build_network("timm/resnetv2_18", {"num_classes": 3}), seed=1))
    features, logits = features_and_logits(network, torch.randn(2, 3, 64, 64))
    assert isinstance(network.head.fc, nn.Conv2d)
    torch.testing.assert_close(network.head.fc(features[..., None, None]).flatten(1), logits)


def test_of_two_classifiers_the_last_to_run_counts() -> None:
    kwargs = {"num_classes": 3, "img_size": 32}
    network = freeze(redraw(build_network("timm/deit_tiny_distilled_patch16_224", kwargs), seed=1))
    seen = []
    network.head_dist.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    features, _ = features_and_logits(network, torch.randn(2, 3, 32, 32))
    assert torch.equal(features, seen[0])


def test_a_network_without_its_classifier_still_has_features() -> None:
    network = freeze(build_network("timm/test_resnet", {"num_classes": 0}))
    features, output = features_and_logits(network, torch.randn(2, 3, 64, 64))
    assert torch.equal(features, output)


def test_hooks_are_gone_and_a_network_without_linear_layers_is_an_error() -> None:
    network = freeze(cifar_resnet20())
    features, _ = features_and_logits(network, torch.randn(2, 3, 32, 32))
    assert features.shape == (2, 64)
    assert not any(module._forward_pre_hooks for module in network.modules())
    with pytest.raises(ModelError, match="no linear classifier"):
        features_and_logits(nn.Flatten(), torch.randn(2, 3, 4, 4))


def test_features_are_those_before_anything_writes_over_them() -> None:
    class Overwriting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(3, 4)
            self.passes = 0

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            self.passes += 1
            features = images.mean((2, 3))
            logits = self.head(features)
            features.zero_()
            return logits

    network = Overwriting().eval()
    images = torch.randn(2, 3, 4, 4)
    features, logits = features_and_logits(network, images)
    torch.testing.assert_close(features, images.mean((2, 3)))
    torch.testing.assert_close(logits, network.head(images.mean((2, 3))))
    assert network.passes == 2
