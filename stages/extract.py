"""extract: quantile functions of the reference images, per class, tap and channel."""

from __future__ import annotations

from contextlib import closing

from stages.runner import Stage, run
from vital.artefacts.manifest import read_manifest
from vital.artefacts.references import write_references
from vital.networks.model import load_model, statistics_metadata
from vital.params.extract import ExtractParams
from vital.references.extract import ClassParts
from vital.references.pooling import pooled_taps
from vital.references.quantiles import from_tensors
from vital.references.select import select_references
from vital.references.statistics_files import write_statistics
from vital.runtime.devices import resolve_device
from vital.runtime.executors import executor
from vital.runtime.files import replacing_folder
from vital.runtime.partial_results import partial_results_until_done
from vital.runtime.progress import progress_bar
from vital.units import class_units

_MOST = 8
"""Classes of one task of a cluster: their statistics come back together."""


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
    images = rows.assign(unit=rows["label"].map(units))
    order, names = list(images["unit"].unique()), pooled_taps(taps, params.pools)
    make = ClassParts(studied, taps, params.pools, project.images, images, params.batch, device)
    facts = [
        "extract",
        statistics_metadata(studied),
        taps,
        params.facts(),
        device.type,
        list(images["unit"]),
        list(rows["sha256"]),
    ]
    with (
        executor(params, "extract", device, _MOST) as execute,
        partial_results_until_done(project.work, facts) as parts,
        replacing_folder(project.statistics) as folder,
        closing(execute(order, make, parts)) as found,
    ):
        kept = ((unit, from_tensors(part, names)) for unit, part in zip(order, found, strict=True))
        bar = progress_bar(kept, total=len(order), label="extract", unit="classes")
        write_statistics(folder, names, statistics_metadata(studied), bar, knots=params.knots)
        write_references(folder, rows)
    stage.run.metrics({"references": len(rows), "taps": len(taps)})


if __name__ == "__main__":
    run(extract, "seed", "extract")
