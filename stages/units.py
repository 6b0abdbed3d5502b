"""units: which inner units are studied, and why."""

from __future__ import annotations

from stages.runner import Stage, run
from vital.devices import resolve_device
from vital.inner_units import UnitChooser, distinct_units
from vital.manifest import read_manifest
from vital.models import load_model
from vital.params.relevance import RelevanceParams
from vital.params.units import UnitsParams
from vital.relevance_statistics import selecting_composite
from vital.unit_table import write_units


def units(stage: Stage) -> None:
    """Write data/units/units.parquet."""
    params = stage.params("units", UnitsParams)
    project = stage.project
    chooser = UnitChooser(
        load_model(project.model),
        project.images,
        read_manifest(project.images),
        params,
        selecting_composite(stage.params("relevance", RelevanceParams)),
        stage.seed,
        resolve_device(params.device),
    )
    table = chooser.choose()
    write_units(project.units, table)
    stage.run.metrics({"units": len(distinct_units(table))})
    stage.run.table(table, "units")


if __name__ == "__main__":
    run(units, "seed", "units", "relevance")
