"""data/model, and each judge's folder: weights, what they are of, how well the network does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vital.artefacts.checked import optional
from vital.artefacts.project import METRICS_FILE
from vital.errors import ArtefactError
from vital.runtime.files import read_json, write_json

WEIGHTS_FILE = "model.safetensors"
DESCRIPTION_FILE = "model.json"
"""What the network is, beside its weights."""

ARCHITECTURE = "architecture"
"""The network's name, as in ``model.name``."""
KWARGS = "kwargs"
ENTRY = "entry"
"""Of torchvision's weights, where its builder needs it."""
CLASSES = "classes"
PREPROCESSING = "preprocessing"
OUTPUT = "output"
"""Which of the network's outputs are its logits, where it gives several or names them."""
STRUCTURE = "structure"
"""The digest of all but the weights of a network of one's own, as it is built again."""
TOKEN = "token"
"""What tells this network from all others where its structure cannot be described whole."""
TAPS = "taps"
"""The default taps and their default weights."""
WEIGHTS_SHA256 = "sha256"
"""The digest of the weights' file."""
SOURCE_SHA256 = "source_sha256"
"""The digest of the source file of a network of one's own."""
ACCURACY = "accuracy"
"""The share of validation images that the saved network recognises."""

ACCURACY_TOP1, ACCURACY_TOP1_HELDOUT = "accuracy_top1", "accuracy_top1_heldout"
"""Among the metrics: the share of validation and of held-out images that are recognised."""

_NEEDED = (ARCHITECTURE, KWARGS, CLASSES, PREPROCESSING, TAPS, WEIGHTS_SHA256)


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """Write what the network is."""
    write_json(folder / DESCRIPTION_FILE, description)


def read_description(folder: Path) -> dict[str, Any]:
    """What the network is.

    Raises ArtefactError when the file is missing or damaged.
    """
    path = folder / DESCRIPTION_FILE
    content = read_json(path)
    lacking = [key for key in _NEEDED if not isinstance(content, dict) or key not in content]
    if lacking:
        raise ArtefactError(f"{path} is damaged: it says nothing of {lacking[0]!r}")
    return dict(content)


def write_accuracies(folder: Path, accuracies: Mapping[str, Any]) -> None:
    """Write how well the network does or, in the folder of all judges, each of them by its name."""
    write_json(folder / METRICS_FILE, accuracies)


def read_accuracies(folder: Path) -> dict[str, Any]:
    """What :func:`write_accuracies` wrote; nothing where it has not run.

    Raises ArtefactError when the file is damaged.
    """
    return dict(optional(folder / METRICS_FILE, read_json) or {})
