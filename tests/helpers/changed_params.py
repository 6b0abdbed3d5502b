"""The default parameters with some of them changed."""

from __future__ import annotations

from typing import Any

from helpers.repository import ROOT
from vital.params.base import read_params

PER_CLASS = {"train": 4, "validation": 4, "heldout": 4}


def changed_params(**blocks: Any) -> dict[str, Any]:
    """The content of the repository's params.yaml with other blocks."""
    return {**read_params(ROOT / "params.yaml"), **blocks}


def with_source(source: object, **more: Any) -> dict[str, Any]:
    """The same with images of one's own."""
    return changed_params(data={"source": str(source), "per_class": PER_CLASS, **more})


def with_model(**keys: Any) -> dict[str, Any]:
    """The same with another network."""
    return changed_params(model={"name": "timm/resnet10t", **keys})
