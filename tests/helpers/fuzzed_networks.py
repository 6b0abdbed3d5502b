"""Small networks of timm to draw from, and what a drawn case must come to."""

from __future__ import annotations

import random
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from helpers.messages import unclean

ARCHITECTURES: Mapping[str, Mapping[str, Any]] = {
    "test_byobnet": {}, "test_coatnet": {}, "test_convnext": {}, "test_convnext2": {},
    "test_convnext3": {}, "test_efficientnet": {}, "test_efficientnet_evos": {},
    "test_efficientnet_gn": {}, "test_efficientnet_ln": {}, "test_mambaout": {}, "test_maxvit": {},
    "test_nfnet": {}, "test_resnet": {}, "test_vit": {}, "test_vit2": {}, "test_vit3": {},
    "test_vit4": {}, "test_vit_relpos": {},
    "vit_tiny_patch16_224": {"depth": 2, "embed_dim": 48, "img_size": 64},
    "deit_tiny_distilled_patch16_224": {"depth": 2, "embed_dim": 48, "img_size": 64},
    "beit_base_patch16_224": {"depth": 2, "embed_dim": 48, "num_heads": 3, "img_size": 64},
    "eva02_tiny_patch14_224": {"depth": 2, "embed_dim": 48, "num_heads": 3, "img_size": 56},
    "vit_relpos_small_patch16_224": {"depth": 2, "embed_dim": 48, "num_heads": 3, "img_size": 64},
    "samvit_base_patch16": {"depth": 2, "embed_dim": 48, "num_heads": 3, "img_size": 64},
    "naflexvit_base_patch16_gap": {"depth": 2, "embed_dim": 48, "num_heads": 3},
    "swin_tiny_patch4_window7_224": {
        "depths": (1, 1), "embed_dim": 24, "num_heads": (2, 4), "img_size": 56,
    },
    "swinv2_tiny_window8_256": {
        "depths": (1, 1), "embed_dim": 24, "num_heads": (2, 4), "img_size": 64,
    },
    "swinv2_cr_tiny_ns_224": {
        "depths": (1, 1), "embed_dim": 24, "num_heads": (2, 4), "img_size": 56, "window_size": 7,
    },
    "cait_xxs24_224": {"depth": 2, "img_size": 64},
    "xcit_nano_12_p16_224": {"depth": 2, "img_size": 64},
    "convit_tiny": {"depth": 2, "img_size": 64},
    "hiera_tiny_224": {"stages": (1, 1, 1, 1), "embed_dim": 24},
    "pvt_v2_b0": {"depths": (1, 1, 1, 1)},
    "mambaout_femto": {"depths": (1, 1, 1, 1)},
    "convnext_atto": {"depths": (1, 1, 1, 1)},
    "convnextv2_atto": {"depths": (1, 1, 1, 1)},
    "fastvit_t8": {"layers": (1, 1, 1, 1)},
    "tiny_vit_5m_224": {"depths": (1, 1, 1, 1)},
    "resnet10t": {"channels": (8, 8, 16, 16)},
    "starnet_s050": {}, "edgenext_xx_small": {}, "levit_128s": {}, "levit_conv_128s": {},
    "pit_ti_224": {}, "mobilenetv2_035": {}, "mobilenetv3_small_050": {},
    "mobilenetv4_conv_small_035": {}, "tinynet_e": {}, "mnasnet_small": {}, "lcnet_035": {},
    "semnasnet_050": {}, "ghostnet_050": {}, "efficientvit_b0": {}, "efficientvit_m0": {},
    "mobilevit_xxs": {}, "mobilevitv2_050": {}, "regnetx_002": {}, "regnety_002": {},
    "dla46x_c": {}, "efficientformerv2_s0": {},
}  # fmt: skip
"""Sixty that are built in a moment, by name, with the arguments that make them small."""

State = dict[str, torch.Tensor]


class Draws(random.Random):
    """The random choices of one case."""

    def name(self, state: Mapping[str, torch.Tensor], of_floats: bool = True) -> str:
        """A weight of more than one number."""
        fit = [
            name
            for name, value in state.items()
            if value.numel() > 1 and (value.is_floating_point() or not of_floats)
        ]
        return self.choice(fit)


def build(architecture: str, **changes: object) -> nn.Module:
    """The network, with random weights and ten classes, but for changes of its arguments."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made: nn.Module = timm.create_model(
            architecture, **{"num_classes": 10, **ARCHITECTURES[architecture], **changes}
        )
    return made.eval()


@cache
def kept(architecture: str) -> nn.Module:
    """One network of each architecture, for cases that overwrite all of its weights."""
    return build(architecture)


def side(architecture: str) -> int:
    """The side of its images: small where it may be."""
    given = ARCHITECTURES[architecture].get("img_size")
    config = kept(architecture).pretrained_cfg
    return given or (config["input_size"][-1] if config.get("fixed_input_size") else 64)


def drawn_state(architecture: str, seed: int) -> State:
    """Weights of that architecture, other ones for each seed."""
    draws = torch.Generator().manual_seed(seed)
    state = {}
    for name, value in kept(architecture).state_dict().items():
        if value.is_floating_point():
            noise = torch.rand(value.shape, generator=draws)
            state[name] = 0.5 + noise if "running_var" in name else 0.3 * (noise - 0.4)
        else:
            state[name] = value.clone()
    return state


def fault_of(message: str, file: Path | None = None) -> str:
    """What is wrong with an error's message; nothing for a good one."""
    if file is not None and file.name not in message:
        return "it names no file"
    if file is not None and "\n" in message:
        return "it has several lines"
    return unclean(message, "http")
