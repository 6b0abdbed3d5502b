"""visualize: make an image for every target."""

from __future__ import annotations

from collections.abc import Iterator

from stages.runner import Stage, run
from vital.devices import resolve_device
from vital.engine import Engine
from vital.files import replacing_folder
from vital.inner_engine import InnerEngine
from vital.methods import METHODS
from vital.models import StudiedModel, load_model
from vital.params.relevance import RelevanceParams
from vital.params.visualize import VisualizeParams
from vital.patch_table import read_patches
from vital.statistics import extracted_units, read_statistics
from vital.unit_table import distinct_units
from vital.units import Unit, class_units, select_units, targets_of
from vital.visualization import write_image, write_tables
from vital.workstore import WorkStore


def visualize(stage: Stage) -> None:
    """Write the images, their index and their history to data/visualizations/<method>."""
    params = stage.params("visualize", VisualizeParams)
    project = stage.project
    studied = load_model(project.model)
    (method,) = METHODS
    with replacing_folder(project.visualizations(method)) as folder:
        results = []
        for engine, units in _engines(stage, studied, params):
            for finished in engine.run(targets_of(units, params.seeds)):
                write_image(folder, finished, studied.preprocessing)
                results.append(finished)
        write_tables(folder, method, results)


def _engines(
    stage: Stage, studied: StudiedModel, params: VisualizeParams
) -> Iterator[tuple[Engine, list[Unit]]]:
    """An engine for the classes, and one for the inner units of each tap."""
    store, device = WorkStore(stage.project.work), resolve_device(params.device)
    extracted = set(extracted_units(stage.project.statistics))
    available = [unit for unit in class_units(studied.classes) if unit.id in extracted]
    classes = select_units(available, params.units)
    if classes:
        kept = read_statistics(stage.project.statistics, [unit.id for unit in classes])
        yield Engine(studied, kept, params, stage.seed, store, device), classes
    masks = stage.params("relevance", RelevanceParams).masks()
    living = distinct_units(read_patches(stage.project.references))
    for tap in dict.fromkeys(unit.tap for unit in living):
        units = [unit for unit in living if unit.tap == tap]
        kept = read_statistics(stage.project.relevance, [unit.id for unit in units])
        yield InnerEngine(studied, kept, params, masks, stage.seed, store, device), units


if __name__ == "__main__":
    run(visualize, "seed", "relevance", "visualize")
