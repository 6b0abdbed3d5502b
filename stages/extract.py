"""extract: quantile functions of the reference images, per class, tap and channel."""

from __future__ import annotations

from stages.runner import Stage, run
from vital.images.image_set import ImageSet
from vital.networks.model import load_model
from vital.params.extract import ExtractParams
from vital.references.extract import write_class_statistics
from vital.references.select import select_references
from vital.runtime.devices import resolve_device


def extract(stage: Stage) -> None:
    """Write one Parquet file per tap, and which images they are of, to data/statistics."""
    params = stage.params("extract", ExtractParams)
    project = stage.project
    studied = load_model(project.model)
    device = resolve_device(params.device)
    images = ImageSet.read(project.images)
    chosen = select_references(studied, images, params, stage.seed, device)
    write_class_statistics(project.statistics, studied, chosen, params, device, project.work)
    taps = params.taps or studied.taps
    stage.run.metrics({"references": len(chosen), "taps": len(taps)})


if __name__ == "__main__":
    run(extract, "seed", "extract")
