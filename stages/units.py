"""units: which inner units are studied, and why."""

from __future__ import annotations

import pandas as pd

from stages.runner import Stage, run
from vital.artefacts.chosen_units import distinct_units, units_table, write_units
from vital.params.extract import ExtractParams
from vital.params.relevance import RelevanceParams
from vital.params.units import UnitsParams


def units(stage: Stage) -> None:
    """Write data/units/units.parquet."""
    params = stage.params("units", UnitsParams)
    table = _choose(stage, params) if params.asks_for_any else units_table()
    write_units(stage.project.units, table)
    stage.run.metrics({"units": len(distinct_units(table))})
    stage.run.table(table, "units")


def _choose(stage: Stage, params: UnitsParams) -> pd.DataFrame:
    # A run without inner units need not load torch.
    from vital.images.image_set import ImageSet
    from vital.networks.model import load_model
    from vital.references.choose_units import UnitChooser
    from vital.relevance.composites import selecting_composite
    from vital.runtime.devices import resolve_device

    project = stage.project
    model = load_model(project.model)
    extract = stage.params("extract", ExtractParams)
    return UnitChooser(
        model,
        ImageSet.read(project.images),
        params,
        list(extract.taps or model.taps),
        selecting_composite(stage.params("relevance", RelevanceParams)),
        stage.seed,
        resolve_device(params.device),
    ).choose()


if __name__ == "__main__":
    run(units, "seed", "units", "extract", "relevance")
