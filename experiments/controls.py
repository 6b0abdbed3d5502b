"""Networks for the controls of pictures: what has to change with the network, and what must not.

Each is EfficientNet-Lite0, as ``model.name: python:experiments.controls:<function>`` with
``pretrained: true``; the variants ``permuted_head`` and ``random_weights`` of profile imagenette
say so.
"""

from __future__ import annotations

import torch
from torch import nn

from vital.networks.build import build_network

STUDIED = "lite/efficientnet_lite0"
IMAGENETTE = (0, 217, 482, 491, 497, 566, 569, 571, 574, 701)
"""The ten classes' places among ImageNet's 1000."""


def permuted_head() -> nn.Module:
    """Each of the ten logits is computed as the next class's was; nothing below the head changes.

    What is made by a logit has to show the next class; what is matched to features of the class's
    photographs has to stay the same.
    """
    network = build_network(STUDIED, {}, pretrained=True)
    following = [*IMAGENETTE[1:], IMAGENETTE[0]]
    with torch.no_grad():
        for rows in network.get_submodule("classifier").parameters():
            rows[list(IMAGENETTE)] = rows[following].clone()
    return network


def random_weights() -> nn.Module:
    """The same network before any training, its weights drawn with seed 0."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build_network(STUDIED, {})
