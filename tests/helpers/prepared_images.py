"""Images of folders as the prepare stage takes them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from helpers.own_images import broken_files, contents, write_files
from vital.artefacts.manifest import read_manifest
from vital.images.prepare import prepare_images
from vital.params.base import check_block
from vital.params.data import DataParams

COUNTS = {"train": 3, "validation": 2, "heldout": 4}
NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def data_params(source: Path | str, **changes: object) -> DataParams:
    """The block ``data``, with few images of each class."""
    block = {"source": str(source), "per_class": COUNTS, **changes}
    return check_block(block, "data", DataParams)


def prepare(source: Path, target: Path, seed: int = 0, **changes: object) -> pd.DataFrame:
    """Write the images of a source to a folder; returns their manifest."""
    prepare_images(target, data_params(source, **changes), seed)
    return read_manifest(target)


def write_twelve(folder: Path) -> Path:
    """Twelve classes, of which one is empty, one has two broken files, and one is misspelt."""
    files = contents((*NUMBERS, "elven"), 9)
    files = {name: content for name, content in files.items() if not name.startswith("seven/")}
    broken = broken_files()
    files["three/10.jpg"] = broken["truncated.jpg"]
    files["three/11.jpg"] = broken["text.jpg"]
    write_files(folder, files)
    (folder / "seven").mkdir()
    return folder
