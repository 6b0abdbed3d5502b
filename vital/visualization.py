"""Finished targets as files: PNGs, an index with a row per image, and the history of losses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from vital.engine import Finished
from vital.files import write_parquet
from vital.image_tensors import to_uint8
from vital.images import write_png
from vital.index import HISTORY_FILE, INDEX_FILE
from vital.preprocessing import Preprocessing
from vital.units import Target

IMAGES_FOLDER = "images"


def write_image(folder: Path, finished: Finished, preprocessing: Preprocessing) -> Path:
    """Write one target's PNG below ``folder``; returns its path."""
    path = folder / image_path(finished.target)
    write_png(path, to_uint8(preprocessing.denormalize(finished.image)))
    return path


def image_path(target: Target) -> str:
    """Where a target's PNG lies, relative to the folder of its method."""
    return f"{IMAGES_FOLDER}/{target.file_name}"


def write_tables(
    folder: Path, method: str, results: Sequence[Finished], parts: Sequence[str]
) -> None:
    """Write the index and the history of all results, sorted by target.

    ``parts`` names the columns of the history after the step and the total.
    """
    ordered = sorted(results, key=lambda finished: finished.target)
    write_parquet(folder / INDEX_FILE, index_table(method, ordered))
    write_parquet(folder / HISTORY_FILE, history_table(method, ordered, parts))


def index_table(method: str, results: Iterable[Finished]) -> pd.DataFrame:
    """A row per image: what it is, where it lies, and how it came out."""
    return pd.DataFrame(
        [
            {
                "method": method,
                "tap": finished.target.unit.tap,
                "unit": finished.target.unit.index,
                "name": finished.target.unit.name,
                "seed": finished.target.seed,
                "image": image_path(finished.target),
                "steps": finished.steps,
                **finished.record,
                "key": finished.key,
            }
            for finished in results
        ]
    )


def history_table(method: str, results: Iterable[Finished], parts: Sequence[str]) -> pd.DataFrame:
    """A row per target and recorded step: the total loss and its parts."""
    columns = ["step", "loss", *(f"loss_{part}" for part in parts)]
    frames = []
    for finished in results:
        frame = pd.DataFrame(finished.history, columns=columns).astype({"step": "int64"})
        frame.insert(0, "target", finished.target.id)
        frame.insert(0, "method", method)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)
