"""prepare: collect images and write down what they are."""

from __future__ import annotations

from stages.runner import Stage, run
from vital.manifest import read_manifest
from vital.params.data import DataParams
from vital.preparation import prepare_images


def prepare(stage: Stage) -> None:
    """Fill data/images from the source that params.yaml names."""
    params = stage.params("data", DataParams)
    count = prepare_images(stage.project.images, params, stage.seed)
    stage.run.metrics({"images": count})
    stage.run.table(read_manifest(stage.project.images), "manifest")


if __name__ == "__main__":
    run(prepare, "seed", "data")
