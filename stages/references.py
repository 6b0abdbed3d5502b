"""references: the image patches that each inner unit responds to most."""

from __future__ import annotations

from pathlib import Path

from stages.runner import Stage, run
from vital.artefacts.chosen_units import distinct_units, read_units
from vital.artefacts.manifest import SPLITS, read_manifest, split_rows
from vital.artefacts.patches import write_patch_tables
from vital.params.references import ReferencesParams
from vital.params.relevance import RelevanceParams
from vital.references.patches import write_patches
from vital.runtime.files import replacing_folder
from vital.units import Unit


def references(stage: Stage) -> None:
    """Write data/references: the patches, a row for each, and which units are dead."""
    asked = distinct_units(read_units(stage.project.units))
    with replacing_folder(stage.project.references) as folder:
        if asked:
            _find(stage, asked, folder)
        else:
            write_patch_tables(folder, [], [])


def _find(stage: Stage, asked: list[Unit], folder: Path) -> None:
    # A run without inner units need not load torch.
    from vital.networks.model import load_model, statistics_metadata
    from vital.references.patches import PatchFinder, response
    from vital.relevance.composites import selecting_composite
    from vital.runtime.devices import resolve_device
    from vital.runtime.partial_results import partial_results_until_done

    params = stage.params("references", ReferencesParams)
    device = resolve_device(params.device)
    studied = load_model(stage.project.model).to(device)
    rules = selecting_composite(stage.params("relevance", RelevanceParams))
    responds = response(studied, asked, params.criterion, rules)
    images = stage.project.images
    rows = split_rows(read_manifest(images), SPLITS[0])
    facts = [
        "references",
        statistics_metadata(studied),
        params.model_dump(mode="json"),
        stage.params("relevance", RelevanceParams).composite,
        device.type,
        [unit.id for unit in asked],
        list(rows["sha256"]),
    ]
    with partial_results_until_done(stage.project.work, facts) as parts:
        finder = PatchFinder(studied, responds, images, rows, params, device, parts)
        counts = write_patches(folder, finder, finder.find(), list(rows["path"]), params.criterion)
    stage.run.metrics(counts)


if __name__ == "__main__":
    run(references, "seed", "references", "relevance")
