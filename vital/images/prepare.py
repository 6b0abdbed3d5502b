"""Collect the images that the other stages work on, with a manifest of what they are."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from vital.artefacts.columns import CLASS_NAME, LABEL, PATH, SHA256
from vital.artefacts.manifest import (
    HEIGHT,
    REASON,
    SOURCE,
    SPLIT,
    WIDTH,
    write_manifest,
    write_skipped,
)
from vital.images.shelf import Shelf
from vital.images.splits import DrawnImages, PlacedImage
from vital.params.data import DataParams
from vital.runtime.files import replacing_folder
from vital.runtime.progress import progress_bar


def prepare_images(folder: Path, params: DataParams, seed: int) -> int:
    """Write all images, the manifest and what was left out to ``folder``.

    Returns how many images there are. Raises DataError or ParamsError where the source cannot give
    what is asked for; what stood in ``folder`` before then stays.
    """
    with replacing_folder(folder) as temporary:
        # On one file system with where they go, images are moved, not copied.
        with TemporaryDirectory(dir=temporary) as waiting:
            drawn = DrawnImages(params, seed, Shelf(Path(waiting)))
            bar = progress_bar(drawn, label="prepare", unit="images")
            rows = [_place(temporary, image) for image in bar]
        write_manifest(temporary, rows)
        write_skipped(
            temporary,
            [
                {CLASS_NAME: name, SOURCE: one.origin, REASON: one.reason}
                for name, one in drawn.skipped
            ],
        )
    return len(rows)


def _place(folder: Path, image: PlacedImage) -> dict[str, object]:
    relative = f"{image.split}/{image.label:03d}/{image.number:04d}{image.kept.suffix}"
    path = folder / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    image.kept.path.replace(path)
    return {
        PATH: relative,
        LABEL: image.label,
        CLASS_NAME: image.class_name,
        SPLIT: image.split,
        WIDTH: image.kept.width,
        HEIGHT: image.kept.height,
        SHA256: image.kept.sha256,
        SOURCE: image.source,
    }
