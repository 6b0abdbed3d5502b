"""data/model, and each judge's folder: weights, what they are of, how well the network does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue

from vital.artefacts.checked import Written, WrittenAs, optional, read_content
from vital.artefacts.project import METRICS_FILE
from vital.params.base import Fraction, Positive, PositiveFloat, Text, Weight
from vital.params.model import Finite
from vital.runtime.files import write_json

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


class _Preprocessing(Written):
    """Fields of :class:`vital.images.preprocessing.Preprocessing`."""

    size: tuple[Positive, Positive]
    mean: tuple[Finite, Finite, Finite]
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat]
    interpolation: str = "bilinear"
    crop_pct: PositiveFloat = 1.0


class _Description(Written):
    """What the names above stand for."""

    architecture: Text
    arguments: dict[str, JsonValue] = Field(alias=KWARGS)
    entry: str | None = None
    classes: tuple[str, ...]
    preprocessing: _Preprocessing
    taps: dict[str, Weight]
    sha256: Text
    source_sha256: str | None = None
    accuracy: Fraction | None = None
    output: Text | int | None = None
    structure: Text | None = None
    token: Text | None = None


class _Accuracies(WrittenAs[dict[str, Finite | None]]):
    """A network's, by the name of the measure."""


class _JudgeAccuracies(WrittenAs[dict[str, dict[str, Finite | None]]]):
    """Each judge's, by its name."""


def write_description(folder: Path, description: Mapping[str, Any]) -> None:
    """Write what the network is."""
    write_json(folder / DESCRIPTION_FILE, description)


def read_description(folder: Path) -> dict[str, Any]:
    """What the network is.

    Raises ArtefactError when the file is missing or damaged.
    """
    return dict(read_content(folder / DESCRIPTION_FILE, _Description))


def write_accuracies(folder: Path, accuracies: Mapping[str, Any]) -> None:
    """Write how well the network does or, in the folder of all judges, each of them by its name."""
    write_json(folder / METRICS_FILE, accuracies)


def read_accuracies(folder: Path) -> dict[str, Any]:
    """What :func:`write_accuracies` wrote; nothing where it has not run.

    Raises ArtefactError when the file is damaged.
    """
    return dict(optional(folder / METRICS_FILE, _read_accuracies) or {})


def _read_accuracies(path: Path) -> Any:
    return read_content(path, _Accuracies)


def read_judge_accuracies(folder: Path) -> dict[str, dict[str, float]]:
    """What :func:`write_accuracies` wrote of all judges, by their names.

    Raises ArtefactError when the file is missing or damaged.
    """
    return dict(read_content(folder / METRICS_FILE, _JudgeAccuracies))
