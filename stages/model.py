"""model: train or load the network under study, and measure it."""

from __future__ import annotations

from stages.runner import Stage, run
from vital.artefacts.model import write_accuracies
from vital.images.image_set import ImageSet
from vital.networks.make_model import make_model
from vital.params.model import ModelParams


def model(stage: Stage) -> None:
    """Write the network's weights, description and accuracy to data/model."""
    params = stage.params("model", ModelParams)
    project = stage.project
    metrics = make_model(project.model, ImageSet.read(project.images), params, stage.seed)
    write_accuracies(project.model, metrics)
    stage.run.metrics(metrics)


if __name__ == "__main__":
    run(model, "seed", "model")
