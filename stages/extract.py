"""extract: quantile functions of the reference images, per class, tap and channel."""

from __future__ import annotations

from collections.abc import Iterator

from stages.runner import Stage, run
from vital.data import batches
from vital.devices import resolve_device
from vital.extraction import Batch, resumed_statistics
from vital.files import replacing_folder
from vital.manifest import read_manifest
from vital.models import load_model, statistics_metadata
from vital.params.extract import ExtractParams
from vital.parts import parts_until_done
from vital.pooling import pooled_taps
from vital.progress import progress_bar
from vital.reference_table import write_references
from vital.selection import select_references
from vital.statistics import write_statistics
from vital.units import class_units


def extract(stage: Stage) -> None:
    """Write one Parquet file per tap, and which images they are of, to data/statistics."""
    params = stage.params("extract", ExtractParams)
    project = stage.project
    studied = load_model(project.model)
    device = resolve_device(params.device)
    taps = list(params.taps or studied.taps)
    manifest = read_manifest(project.images)
    rows = select_references(studied, project.images, manifest, params, stage.seed, device)
    units = {unit.index: unit.id for unit in class_units(studied.classes)}
    of_images = [units[label] for label in rows["label"]]

    def load(first: int) -> Iterator[Batch]:
        later = rows.iloc[first:]
        for part, images in batches(project.images, later, studied.preprocessing, params.batch):
            yield [units[label] for label in part["label"]], images

    facts = [
        "extract",
        statistics_metadata(studied),
        taps,
        params.model_dump(mode="json"),
        device.type,
        of_images,
        list(rows["sha256"]),
    ]
    with (
        parts_until_done(project.work, facts) as parts,
        replacing_folder(project.statistics) as folder,
    ):
        kept = resumed_statistics(
            studied, taps, of_images, load, params.batch, device, params.pools, parts
        )
        bar = progress_bar(kept, total=rows["label"].nunique(), label="extract", unit="classes")
        write_statistics(
            folder,
            pooled_taps(taps, params.pools),
            statistics_metadata(studied),
            bar,
            knots=params.knots,
        )
        write_references(folder, rows)
    stage.run.metrics({"references": len(rows), "taps": len(taps)})


if __name__ == "__main__":
    run(extract, "seed", "extract")
