"""Tensors in files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch

from vital.files import write_bytes


def write_tensors(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write contiguous tensors as safetensors, whole or not at all.

    Raises OSError when the disk is full: the library's own writer raises an error of its own kind.
    """
    kept = None if metadata is None else dict(metadata)
    write_bytes(path, safetensors.torch.save(dict(tensors), kept))
