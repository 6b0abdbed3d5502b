"""Data sets in every layout, opened as the tests of the sources do."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
from PIL import Image

from helpers.own_images import (
    CLASSES,
    PER_CLASS,
    contents,
)
from vital.images.sources import open_pool
from vital.images.sources.base import IndexedPool, StreamedPool
from vital.params.base import check_block
from vital.params.data import ReferenceParams

FILES = contents()


def pool_of(
    source: object, split: str | None = None, **options: object
) -> IndexedPool | StreamedPool:
    return open_pool(check_block({"source": source, **options}, "t", ReferenceParams), split)


def found(pool: IndexedPool | StreamedPool) -> dict[str, list[bytes | Image.Image]]:
    """The content of all images by class, in the order of the pool."""
    if isinstance(pool, IndexedPool):
        return {
            name: [pool.candidate(place).read() for place in places]
            for name, places in pool.members.items()
        }
    classes: dict[str, list[bytes | Image.Image]] = {}
    for name, candidate in pool.stream():
        classes.setdefault(name, []).append(candidate.read())
    return classes


EXPECTED = {
    name: [FILES[f"{name}/{number}.png"] for number in range(PER_CLASS)] for name in CLASSES
}


def write_parquet_dataset(folder: Path, files: dict[str, bytes], image: str, label: str) -> Path:
    """Write files as the Parquet of a Hugging Face data set with named classes."""
    import datasets  # an extra: only its own tests need it

    features = datasets.Features(
        {image: datasets.Image(), label: datasets.ClassLabel(names=list(CLASSES))}
    )
    rows = {
        image: [{"bytes": content, "path": None} for content in files.values()],
        label: [name.partition("/")[0] for name in files],
    }
    folder.mkdir(parents=True)
    table = datasets.Dataset.from_dict(rows, features=features)
    table.to_parquet(folder / "train-00000-of-00001.parquet")
    return folder


def write_table(path: Path, rows: list[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pd.DataFrame(rows).to_parquet(path)
        return path
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
