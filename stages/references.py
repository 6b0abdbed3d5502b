"""references: the image patches that each inner unit responds to most."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stages.runner import Stage, run
from vital.artefacts.chosen_units import distinct_units, read_units
from vital.artefacts.manifest import TRAIN
from vital.artefacts.patches import write_patch_tables
from vital.params.references import ReferencesParams
from vital.params.relevance import RelevanceParams
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


def _find(stage: Stage, units: Sequence[Unit], folder: Path) -> None:
    # A run without inner units need not load torch.
    from vital.images.image_set import ImageSet
    from vital.networks.model import load_model
    from vital.references.patches import write_reference_patches
    from vital.runtime.devices import resolve_device

    params = stage.params("references", ReferencesParams)
    relevance = stage.params("relevance", RelevanceParams)
    project = stage.project
    studied = load_model(project.model).to(resolve_device(params.device))
    images = ImageSet.read(project.images).split(TRAIN)
    counts = write_reference_patches(
        folder, studied, units, images, params, relevance, project.work
    )
    stage.run.metrics(counts)


if __name__ == "__main__":
    run(references, "references", "relevance")
