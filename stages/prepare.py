"""prepare: collect images and write down what they are."""

from __future__ import annotations

from stages.runner import Stage, run
from vital.artefacts.manifest import read_manifest, read_skipped
from vital.images.prepare import prepare_images
from vital.params.data import DataParams
from vital.pipeline.guards import refuse_endangered


def prepare(stage: Stage) -> None:
    """Fill data/images from the source that params.yaml names."""
    refuse_endangered(stage.project, stage.content)  # here too: DVC can run this stage alone
    params = stage.params("data", DataParams)
    folder = stage.project.images
    count = prepare_images(folder, params, stage.seed)
    stage.run.metrics({"images": count, "skipped": len(read_skipped(folder))})
    stage.run.table(read_manifest(folder), "manifest")


if __name__ == "__main__":
    run(prepare, "seed", "data")
