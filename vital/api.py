"""Make visualizations from Python, without a pipeline."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from vital.classes import ClassMap
from vital.data import load_images
from vital.devices import resolve_device
from vital.engine import Engine, Finished
from vital.errors import DataError, ParamsError, nearest
from vital.extraction import extract_statistics
from vital.folders import class_folders, draw_references
from vital.models import StudiedModel, open_model
from vital.params.base import check_block
from vital.params.visualize import VisualizeParams
from vital.preprocessing import Preprocessing
from vital.schedule import phases
from vital.units import CLASS_TAP, Target, Unit
from vital.visualization import index_table, write_image, write_tables
from vital.workstore import WorkStore

DEFAULTS: Mapping[str, object] = {
    "steps": 500, "lr": 0.2, "jitter": 16, "weighting": "inverse_variance", "tv": 0.001,
}  # fmt: skip
"""Method settings that give good pictures on most networks; the paper's are MethodParams' own."""

MOST_REFERENCES = 50
"""How many images of a class are averaged where the caller does not say (paper section 3)."""


@dataclass(frozen=True)
class Visualizations:
    """The images, (N, 3, H, W) in 0..1, and a table with a row for each of them."""

    images: torch.Tensor
    table: pd.DataFrame


def visualize(
    model: str | nn.Module,
    references: str | Path,
    *,
    checkpoint: str | Path | None = None,
    model_kwargs: Mapping[str, object] | None = None,
    preprocessing: Preprocessing | None = None,
    classes: Sequence[str] = (),
    units: Sequence[str | int] | None = None,
    taps: Sequence[str] | None = None,
    per_class: int | None = None,
    size: int | None = None,
    seeds: int = 1,
    seed: int = 0,
    device: str = "auto",
    params: Mapping[str, object] | None = None,
    out: str | Path | None = None,
) -> Visualizations:
    """Show what classes of a network respond to, from a folder of real images.

    ``model`` is ``timm/<name>`` (weights from ``checkpoint``, else timm's pretrained ones) or a
    module with its ``preprocessing``. ``references`` holds a subfolder per class, named by class
    name, index or ImageNet synset; a flat folder stands for the one unit given in ``units``.
    ``params`` overrides DEFAULTS with keys of the visualize block. With ``out``, images, index and
    history are written there, and finished targets are kept in its ``.work`` folder for the next
    call.

    Raises a VitalError that names what cannot be used: model, tap, folder, unit or parameter.
    """
    settings = check_block({**DEFAULTS, **(params or {})}, "visualize", VisualizeParams)
    studied = open_model(
        model, checkpoint=checkpoint, kwargs=model_kwargs, preprocessing=preprocessing,
        classes=classes, taps=taps, size=size,
    )  # fmt: skip
    sets = _reference_sets(studied, Path(references), units, per_class, seed)
    on = resolve_device(device)
    names = list(studied.taps)
    batches = _batches(studied, sets, settings.batch)
    pools = [phase.pool for phase in phases(settings.method()) if phase.pool > 1]
    kept = dict(extract_statistics(studied, names, batches, on, pools))
    targets = [Target(unit, number) for unit in sets for number in range(seeds)]
    with tempfile.TemporaryDirectory() as scratch:
        store = WorkStore(Path(out) / ".work" if out else Path(scratch))
        engine = Engine(studied, kept, settings, seed, store, on)
        results = sorted(engine.run(targets), key=lambda finished: finished.target)
    if out is not None:
        _write(Path(out), results, engine, studied.preprocessing)
    images = torch.stack([finished.image for finished in results])
    pixels = studied.preprocessing.denormalize(images).clamp(0, 1)
    return Visualizations(pixels, index_table("vital", results))


def _reference_sets(
    studied: StudiedModel,
    folder: Path,
    units: Sequence[str | int] | None,
    per_class: int | None,
    seed: int,
) -> dict[Unit, tuple[Path, ...]]:
    """The reference images of each unit, by unit, in the order of their indices."""
    known = ClassMap(studied.classes, studied.outputs)
    wanted = [known.find(str(unit)) for unit in units or ()]
    places = _places(folder, known, wanted)
    return {
        Unit(CLASS_TAP, index, known.names[index]): draw_references(
            places[index], per_class, MOST_REFERENCES, seed
        ).paths
        for index in sorted(set(wanted) or places)
    }


def _places(folder: Path, known: ClassMap, wanted: Sequence[int]) -> dict[int, Path]:
    """The folder of each class's images."""
    folders = class_folders(folder)
    if not folders:
        if len(wanted) != 1:
            raise ParamsError(f"{folder} has no subfolders: say which one unit it is for (units)")
        return {wanted[0]: folder}
    places = {known.find(path.name): path for path in folders}
    for index in wanted:
        if index not in places:
            name = known.names[index]
            there = [path.name for path in folders]
            raise DataError(f"{folder} has no subfolder for unit {name!r}; {nearest(name, there)}")
    return places


def _batches(
    studied: StudiedModel, sets: Mapping[Unit, Sequence[Path]], size: int
) -> Iterator[tuple[list[str], torch.Tensor]]:
    for unit, paths in sets.items():
        for first in range(0, len(paths), size):
            part = [str(path) for path in paths[first : first + size]]
            images = load_images(Path(), part, studied.preprocessing)
            yield [unit.id] * len(part), images


def _write(
    folder: Path, results: Sequence[Finished], engine: Engine, preprocessing: Preprocessing
) -> None:
    for finished in results:
        write_image(folder, finished, preprocessing)
    write_tables(folder, "vital", results, engine.parts)
