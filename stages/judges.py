"""judges: train or load the networks that judge the images and that no method optimises."""

from __future__ import annotations

from stages.runner import Stage, run
from vital.images.image_set import ImageSet
from vital.networks.make_judges import make_judges
from vital.params.judges import JudgesParams


def judges(stage: Stage) -> None:
    """Write each judge's weights and description, and their accuracies, to data/judges."""
    params = stage.params("judges", JudgesParams)
    project = stage.project
    images = ImageSet.read(project.images)
    accuracies = make_judges(project.judges, images, params.root, stage.seed)
    for judge, metrics in accuracies.items():
        stage.run.metrics({f"{judge}.{name}": value for name, value in metrics.items()})


if __name__ == "__main__":
    run(judges, "seed", "judges")
