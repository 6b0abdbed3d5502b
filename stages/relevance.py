"""relevance: what is relevant to each inner unit in its reference patches."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from stages.runner import Stage, run
from vital.artefacts.chosen_units import distinct_units, read_units
from vital.artefacts.patches import read_patches
from vital.artefacts.relevance import write_circuits
from vital.params.extract import ExtractParams
from vital.params.relevance import RelevanceParams
from vital.runtime.files import replacing_folder


def relevance(stage: Stage) -> None:
    """Write data/relevance: statistics per tap, heat maps of the best patches, circuits."""
    patches = read_patches(stage.project.references)
    with replacing_folder(stage.project.relevance) as folder:
        if not patches.empty:
            _read(stage, patches, folder)
        write_circuits(folder, read_units(stage.project.units))


def _read(stage: Stage, table: pd.DataFrame, folder: Path) -> None:
    # A run without inner units need not load torch.
    from vital.networks.model import load_model
    from vital.references.patches import unit_patches
    from vital.references.unit_relevance import write_relevance
    from vital.runtime.devices import resolve_device

    params = stage.params("relevance", RelevanceParams)
    extract = stage.params("extract", ExtractParams)
    project = stage.project
    studied = load_model(project.model).to(resolve_device(params.device))
    units = distinct_units(table)
    patches = {unit: unit_patches(project.references, table, unit) for unit in units}
    taps = list(params.taps or extract.taps or studied.taps)
    write_relevance(folder, studied, patches, taps, extract, params, project.work)
    stage.run.metrics({"units": len(units)})


if __name__ == "__main__":
    run(relevance, "extract", "relevance")
