"""EfficientNet-Lite by the names of the files that packages carry, and packages that carry some."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from vital.networks.carried import NETWORKS, Carried, find_weights

LITE = tuple(f"lite/{name}" for name in NETWORKS)

INSTALLED = all(find_weights(name) for name in LITE)

State = Mapping[str, torch.Tensor]


def answer(state: State, images: torch.Tensor) -> torch.Tensor:
    """The logits that the weights of a file give, (N, classes), by the layers' definition.

    A stage ends where the blocks' channels change; the second, third, fourth and sixth halve the
    sides (Tan and Le 2019, table 1). There is neither squeeze and excitation nor swish: that is
    what makes it Lite.
    """
    found = _act(_norm(state, "_bn0", _convolve(state, "_conv_stem", images, stride=2)))
    stage, channels = 0, len(state["_blocks.0._project_conv.weight"])
    for number in range(sum(name.endswith("_project_conv.weight") for name in state)):
        block = f"_blocks.{number}"
        given = len(state[f"{block}._project_conv.weight"])
        halves = given != channels and stage + 1 in (1, 2, 3, 5)
        stage, channels = stage + (given != channels), given
        found = _block(state, block, found, stride=2 if halves else 1)
    found = _act(_norm(state, "_bn1", _convolve(state, "_conv_head", found)))
    return functional.linear(found.mean((2, 3)), state["_fc.weight"], state["_fc.bias"])


def _block(state: State, block: str, images: torch.Tensor, stride: int) -> torch.Tensor:
    found = images
    if f"{block}._expand_conv.weight" in state:
        found = _act(
            _norm(state, f"{block}._bn0", _convolve(state, f"{block}._expand_conv", found))
        )
    deep = _convolve(state, f"{block}._depthwise_conv", found, stride, groups=found.shape[1])
    found = _act(_norm(state, f"{block}._bn1", deep))
    found = _norm(state, f"{block}._bn2", _convolve(state, f"{block}._project_conv", found))
    return found + images if found.shape == images.shape else found


def _convolve(
    state: State, name: str, images: torch.Tensor, stride: int = 1, groups: int = 1
) -> torch.Tensor:
    """With as many zeros as TensorFlow puts around: the odd one after the image."""
    weight = state[f"{name}.weight"].to(images.dtype)
    side, kernel = images.shape[-1], weight.shape[-1]
    zeros = max(0, (-(-side // stride) - 1) * stride + kernel - side)
    around = (zeros // 2, zeros - zeros // 2)
    padded = functional.pad(images, (*around, *around))
    return functional.conv2d(padded, weight, stride=stride, groups=groups)


def _norm(state: State, name: str, images: torch.Tensor) -> torch.Tensor:
    mean, var, weight, bias = (
        state[f"{name}.{part}"].to(images.dtype).view(-1, 1, 1)
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (images - mean) / (var + 1e-3).sqrt() * weight + bias


def _act(images: torch.Tensor) -> torch.Tensor:
    return images.clamp(0, 6)


def write_package(folder: Path, package: str, file: str, content: bytes) -> Path:
    """Install a package that holds one file into ``folder``; returns the file's place."""
    path = folder / package.replace("-", "_") / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    described = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    described.mkdir(exist_ok=True)
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    sha256 = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    listed = path.relative_to(folder).as_posix()
    (described / "RECORD").write_text(f"{listed},sha256={sha256},{len(content)}\n")
    return path


def carry_by(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    """Have another package carry the weights of EfficientNet-Lite0."""
    carried = Carried("tf_efficientnet_lite0", package)
    monkeypatch.setitem(NETWORKS, "efficientnet_lite0", carried)
