"""Collect the images that the other stages work on, with a manifest of what they are."""

from __future__ import annotations

from pathlib import Path

from vital.files import digest_file, replacing_folder
from vital.manifest import write_manifest
from vital.params.data import DataParams
from vital.photographs import Crop, cut, select_classes
from vital.progress import progress_bar


def prepare_images(folder: Path, params: DataParams, seed: int) -> int:
    """Write all images and the manifest to ``folder``; returns how many images there are."""
    classes = select_classes(params.classes)
    counts = params.per_class.model_dump()
    total: int = len(classes) * sum(counts.values())
    with replacing_folder(folder) as temporary:
        crops = cut(classes, counts, params.size, seed)
        bar = progress_bar(crops, total=total, label="prepare", unit="images")
        write_manifest(temporary, [_write(temporary, crop) for crop in bar])
    return total


def _write(folder: Path, crop: Crop) -> dict[str, object]:
    relative = f"{crop.split}/{crop.label:03d}/{crop.number:04d}.png"
    path = folder / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    crop.image.save(path, format="PNG")
    return {
        "path": relative,
        "label": crop.label,
        "class_name": crop.class_name,
        "split": crop.split,
        "width": crop.image.width,
        "height": crop.image.height,
        "sha256": digest_file(path),
    }
