"""relevance: what is relevant to each inner unit in its reference patches."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pandas as pd

from stages.runner import Stage, run
from vital.artefacts.chosen_units import distinct_units, read_units
from vital.artefacts.patches import patches_of, read_patches
from vital.artefacts.relevance import write_circuits
from vital.params.extract import ExtractParams
from vital.params.relevance import RelevanceParams
from vital.runtime.files import digest_file, replacing_folder
from vital.runtime.progress import progress_bar


def relevance(stage: Stage) -> None:
    """Write data/relevance: statistics per tap, heat maps of the best patches, circuits."""
    patches = read_patches(stage.project.references)
    with replacing_folder(stage.project.relevance) as folder:
        if not patches.empty:
            _read(stage, patches, folder)
        write_circuits(folder, read_units(stage.project.units))


def _read(stage: Stage, patches: pd.DataFrame, folder: Path) -> None:
    # A run without inner units need not load torch.
    from vital.networks.model import load_model, statistics_metadata
    from vital.references.pooling import pooled_taps
    from vital.references.unit_relevance import (
        UnitParts,
        UnitRelevance,
        taps_until,
        write_relevance,
    )
    from vital.runtime.devices import resolve_device
    from vital.runtime.executors import executor
    from vital.runtime.partial_results import partial_results_until_done

    params = stage.params("relevance", RelevanceParams)
    extract = stage.params("extract", ExtractParams)
    images = stage.project.references
    studied = load_model(stage.project.model).to(resolve_device(params.device))
    taps = list(params.taps or extract.taps or studied.taps)
    units = distinct_units(patches)
    until = taps_until(studied, taps, (unit.tap for unit in units))
    pooled = {tap: pooled_taps(read, extract.pools) for tap, read in until.items()}
    named = list(dict.fromkeys(tap for read in pooled.values() for tap in read))
    of_units = {unit.id: patches_of(patches, unit) for unit in units}
    device = next(studied.network.parameters()).device
    facts = [
        "relevance",
        statistics_metadata(studied),
        params.facts(),
        device.type,
        pooled,
        [[name, _digests(images, rows)] for name, rows in of_units.items()],
    ]
    by_id = {unit.id: unit for unit in units}
    make = UnitParts(studied, by_id, until, images, of_units, params, extract.pools)
    with (
        executor(params, "relevance", device, most=1) as execute,
        partial_results_until_done(stage.project.work, facts) as parts,
        closing(execute(list(of_units), make, parts)) as found,
    ):
        read = (
            UnitRelevance.from_tensors(unit, pooled[unit.tap], part)
            for unit, part in zip(units, found, strict=True)
        )
        bar = progress_bar(read, total=len(units), label="relevance", unit="units")
        write_relevance(folder, named, statistics_metadata(studied), bar)
    stage.run.metrics({"units": len(units)})


def _digests(folder: Path, patches: pd.DataFrame) -> list[str]:
    return [digest_file(folder / path) for path in patches["patch"]]


if __name__ == "__main__":
    run(relevance, "seed", "extract", "relevance")
