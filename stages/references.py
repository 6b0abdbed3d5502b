"""references: the image patches that each inner unit responds to most."""

from __future__ import annotations

from stages.runner import Stage, run
from vital.devices import resolve_device
from vital.files import replacing_folder
from vital.inner_units import distinct_units
from vital.manifest import SPLITS, read_manifest, split_rows
from vital.models import load_model
from vital.params.references import ReferencesParams
from vital.params.relevance import RelevanceParams
from vital.patch_table import write_patches
from vital.patches import PatchFinder, response
from vital.relevance_statistics import selecting_composite
from vital.unit_table import read_units
from vital.units import inner_unit


def references(stage: Stage) -> None:
    """Write data/references: the patches, a row for each, and which units are dead."""
    params = stage.params("references", ReferencesParams)
    project = stage.project
    asked = [inner_unit(*place) for place in distinct_units(read_units(project.units))]
    studied = load_model(project.model)
    device = resolve_device(params.device)
    rules = selecting_composite(stage.params("relevance", RelevanceParams))
    responds = response(studied.to(device), asked, params.criterion, rules)
    rows = split_rows(read_manifest(project.images), SPLITS[0])
    finder = PatchFinder(studied, responds, project.images, rows, params, device)
    found = finder.find()
    with replacing_folder(project.references) as folder:
        counts = write_patches(folder, finder, found, list(rows["path"]), params.criterion)
    stage.run.metrics(counts)


if __name__ == "__main__":
    run(references, "seed", "references", "relevance")
