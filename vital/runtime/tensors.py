"""Tensors in files."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from vital.runtime.files import write_bytes

log = logging.getLogger(__name__)


def write_tensors(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write contiguous tensors as safetensors, whole or not at all.

    Raises OSError when the disk is full: the library's own writer raises an error of its own kind.
    """
    kept = None if metadata is None else dict(metadata)
    write_bytes(path, safetensors.torch.save(dict(tensors), kept))


def read_tensors(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]] | None:
    """The tensors and metadata of a file, which counts as used now; None where it is damaged."""
    if not path.is_file():
        return None
    try:
        with safetensors.safe_open(path, framework="pt") as entry:
            metadata = entry.metadata() or {}
            tensors = {name: entry.get_tensor(name) for name in entry.keys()}  # noqa: SIM118
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        log.warning("%s is damaged (%s): it is computed again", path, error)
        return None
    path.touch()
    return tensors, metadata
