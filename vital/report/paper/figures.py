"""The paper's kinds of figures, of one run: classes, inner units, circuits, t-SNE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from vital.artefacts.checked import named_path
from vital.artefacts.columns import UNIT
from vital.artefacts.scores import KIND, read_embedding
from vital.artefacts.visualizations import PHOTOGRAPH
from vital.report.circuits import read_circuits
from vital.report.figures.circuit import draw_circuit
from vital.report.figures.embedding import draw_embedding
from vital.report.figures.grid import ImageGrid, draw_image_grid
from vital.report.figures.style import Draw, class_colours, write_png_figure
from vital.report.run_files import class_photographs
from vital.report.runs import Run
from vital.report.unit_files import unit_patches
from vital.units import CLASS_TAP, Unit

MOST_UNITS = 20
"""Inner units in a figure."""

PATCHES = 6
"""Beside each inner unit, and in a circuit."""


def write_figures(run: Run, out: Path, names: Sequence[str] = ()) -> list[Path]:
    """Write every figure that the run has artefacts for; ``names`` of classes limit them.

    Raises ParamsError for a class that the run has no image of.
    """
    paths = []
    for name, draw in _figures(run, run.pick_classes(names)):
        path = out / f"{name}.png"
        write_png_figure(path, draw)
        paths.append(path)
    return paths


def _figures(run: Run, classes: Sequence[Unit]) -> Iterator[tuple[str, Draw]]:
    if classes:
        yield "classes", draw_classes(run, classes)
    units = [unit for unit in run.visualizations if not unit.startswith(f"{CLASS_TAP}/")]
    if units:
        yield "units", draw_units(run, units[:MOST_UNITS])
    indices = {unit.index for unit in classes}
    for circuit in read_circuits(run.project, PATCHES):
        if circuit.index in indices:
            yield f"circuit-{circuit.index}", draw_circuit(circuit)
    embedding = read_embedding(run.project.scores)
    if embedding is not None and classes:
        yield "embedding", draw_embedded(embedding, classes)


def draw_classes(run: Run, classes: Sequence[Unit]) -> Draw:
    """A row per class: one of its photographs, then each method's image of the lowest seed."""
    photographs = _photographs(run)
    cells = [
        [photographs.get(unit.index), *(run.first_image(unit.id, method) for method in run.methods)]
        for unit in classes
    ]
    names = [unit.name for unit in classes]
    return draw_image_grid(ImageGrid(names, [PHOTOGRAPH, *run.methods], cells))


def _photographs(run: Run) -> dict[int, Path]:
    """The first reference image of each class, where the run's folder still has it."""
    paths = {
        unit: named_path(run.project.images, first)
        for unit, (first, *_) in class_photographs(run.project).items()
    }
    return {unit: path for unit, path in paths.items() if path.is_file()}


def draw_units(run: Run, units: Sequence[str]) -> Draw:
    """A row per inner unit: each method's image, then the patches that it responds to most."""
    methods = list(dict.fromkeys(one.method for unit in units for one in run.visualizations[unit]))
    patches = unit_patches(run.project, PATCHES)
    cells = []
    for unit in units:
        paths: list[Path | None] = [patch.path for patch in patches.get(unit, ())]
        paths += [None] * (PATCHES - len(paths))
        cells.append([*(run.first_image(unit, method) for method in methods), *paths])
    numbers = [f"patch {i}" for i in range(1, PATCHES + 1)]
    return draw_image_grid(ImageGrid(units, [*methods, *numbers], cells))


def draw_embedded(embedding: pd.DataFrame, classes: Sequence[Unit]) -> Draw:
    """t-SNE of these classes: real images as pale dots, each method's as markers."""
    indices = [unit.index for unit in classes]
    kinds = dict(list(embedding[embedding[UNIT].isin(indices)].groupby(KIND, sort=False)))
    photographs = kinds.pop(PHOTOGRAPH, embedding.iloc[:0])
    visualized = {str(kind): rows for kind, rows in kinds.items()}
    return draw_embedding(photographs, visualized, class_colours(indices))
