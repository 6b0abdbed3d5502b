"""Tensors in files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from vital.errors import ArtefactError
from vital.runtime.files import write_bytes

Tensors = dict[str, torch.Tensor]
Words = dict[str, str]


def write_tensors(
    path: Path, tensors: Mapping[str, torch.Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write contiguous tensors as safetensors, whole or not at all.

    Raises OSError when the disk is full: the library's own writer raises an error of its own kind.
    """
    kept = None if metadata is None else dict(metadata)
    write_bytes(path, safetensors.torch.save(dict(tensors), kept))


def read_tensors(path: Path) -> tuple[Tensors, Words]:
    """The tensors and metadata of a file.

    Raises FileNotFoundError where there is none, and ArtefactError, which says in a few words what
    is wrong but not with which file, where it is damaged.
    """
    if os.path.lexists(path) and not path.is_file():
        raise ArtefactError("something else is in its place")
    try:
        with safetensors.safe_open(path, framework="pt") as entry:
            metadata = entry.metadata() or {}
            tensors = {name: entry.get_tensor(name) for name in entry.keys()}  # noqa: SIM118
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ArtefactError(error.strerror or "it cannot be read") from error
    except (ValueError, LookupError, RuntimeError, safetensors.SafetensorError) as error:
        if not os.path.lexists(path):  # it was opened, then taken away before PyTorch mapped it
            raise FileNotFoundError(path) from error
        raise ArtefactError("it is not whole") from error
    return tensors, metadata


def checksum(tensors: Mapping[str, torch.Tensor], words: Mapping[str, str]) -> str:
    """The sha256 of named tensors on the CPU, their types and shapes included, and of words."""
    names = sorted(tensors)
    outline = [[name, str(tensors[name].dtype), list(tensors[name].shape)] for name in names]
    total = hashlib.sha256(json.dumps([outline, sorted(words.items())]).encode())
    for name in names:
        total.update(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
