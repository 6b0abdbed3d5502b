"""Collect the images that the other stages work on, with a manifest of what they are."""

from __future__ import annotations

from pathlib import Path

from vital.artefacts.manifest import write_manifest, write_skipped
from vital.images.splits import Collection, PlacedImage
from vital.params.data import DataParams
from vital.runtime.files import replacing_folder
from vital.runtime.progress import progress_bar


def prepare_images(folder: Path, params: DataParams, seed: int) -> int:
    """Write all images, the manifest and what was left out to ``folder``.

    Returns how many images there are. Raises DataError or ParamsError where the source cannot give
    what is asked for; what stood in ``folder`` before then stays.
    """
    collection = Collection(params, seed)
    with replacing_folder(folder) as temporary:
        bar = progress_bar(collection, label="prepare", unit="images")
        rows = [_write(temporary, image) for image in bar]
        write_manifest(temporary, rows)
        write_skipped(
            temporary,
            [
                {"class_name": name, "source": one.origin, "reason": one.reason}
                for name, one in collection.skipped
            ],
        )
    return len(rows)


def _write(folder: Path, image: PlacedImage) -> dict[str, object]:
    relative = f"{image.split}/{image.label:03d}/{image.number:04d}{image.encoded.suffix}"
    path = folder / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(image.encoded.content)
    return {
        "path": relative,
        "label": image.label,
        "class_name": image.class_name,
        "split": image.split,
        "width": image.encoded.width,
        "height": image.encoded.height,
        "sha256": image.encoded.sha256,
        "source": image.source,
    }
