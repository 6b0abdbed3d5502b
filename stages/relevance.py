"""relevance: what is relevant to each inner unit in its reference patches."""

from __future__ import annotations

from stages.runner import Stage, run
from vital.devices import resolve_device
from vital.files import replacing_folder
from vital.inner_units import CIRCUIT
from vital.models import load_model, statistics_metadata
from vital.params.extract import ExtractParams
from vital.params.relevance import RelevanceParams
from vital.patch_table import living_units, patches_of, read_patches
from vital.progress import progress_bar
from vital.relevance_statistics import taps_until, unit_relevance, write_relevance
from vital.unit_table import read_units, write_circuits


def relevance(stage: Stage) -> None:
    """Write data/relevance: statistics per tap, heat maps of the best patches, circuits."""
    params = stage.params("relevance", RelevanceParams)
    extract = stage.params("extract", ExtractParams)
    project = stage.project
    studied = load_model(project.model).to(resolve_device(params.device))
    patches = read_patches(project.references)
    units = living_units(patches)
    taps = list(params.taps or extract.taps or studied.taps)
    until = {tap: taps_until(studied, taps, tap) for tap in {unit.tap for unit in units}}
    bar = progress_bar(units, total=len(units), label="relevance", unit="units")
    found = (
        unit_relevance(
            studied, unit, until[unit.tap], project.references, patches_of(patches, unit), params
        )
        for unit in bar
    )
    with replacing_folder(project.relevance) as folder:
        write_relevance(
            folder, list(dict.fromkeys([*taps, *until])), statistics_metadata(studied), found
        )
        write_circuits(folder, read_units(project.units), CIRCUIT)
    stage.run.metrics({"units": len(units)})


if __name__ == "__main__":
    run(relevance, "seed", "extract", "relevance")
