"""visualize: make an image for every target."""

from __future__ import annotations

from stages.runner import Stage, run
from vital.devices import resolve_device
from vital.engine import Engine
from vital.files import replacing_folder
from vital.methods import METHODS
from vital.models import load_model
from vital.params.visualize import VisualizeParams
from vital.statistics import extracted_units, read_statistics
from vital.units import class_units, select_units, targets_of
from vital.visualization import write_image, write_tables
from vital.workstore import WorkStore


def visualize(stage: Stage) -> None:
    """Write the images, their index and their history to data/visualizations/<method>."""
    params = stage.params("visualize", VisualizeParams)
    project = stage.project
    studied = load_model(project.model)
    extracted = set(extracted_units(project.statistics))
    available = [unit for unit in class_units(studied.classes) if unit.id in extracted]
    units = select_units(available, params.units)
    statistics = read_statistics(project.statistics, [unit.id for unit in units])
    (method,) = METHODS
    engine = Engine(
        studied, statistics, params, stage.seed,
        WorkStore(project.work), resolve_device(params.device),
    )  # fmt: skip
    with replacing_folder(project.visualizations(method)) as folder:
        results = []
        for finished in engine.run(targets_of(units, params.seeds)):
            write_image(folder, finished, studied.preprocessing)
            results.append(finished)
        write_tables(folder, method, results, engine.parts)


if __name__ == "__main__":
    run(visualize, "seed", "visualize")
