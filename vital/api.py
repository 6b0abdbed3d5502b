"""Make visualizations from Python, without a pipeline."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from vital.engine.local import Finished
from vital.engine.on_ray import engines
from vital.engine.output import index_table, write_visualizations
from vital.images.files import to_rgb
from vital.images.preprocessing import Preprocessing
from vital.images.sources.base import Candidate
from vital.methods.base import Setup
from vital.methods.schedule import phases
from vital.methods.vital import VitalMethod
from vital.networks.classes import ClassMap
from vital.networks.model import open_model
from vital.params.base import check_block
from vital.params.model import PreprocessingParams
from vital.params.studied_method import STUDIED
from vital.params.visualize import VisualizeParams
from vital.references.extract import extract_statistics
from vital.references.from_source import draw_reference_sets, reference_params
from vital.runtime.devices import resolve_device
from vital.runtime.store import WorkStore
from vital.units import CLASS_TAP, Target, Unit

DEFAULTS: Mapping[str, object] = {
    "steps": 500, "lr": 0.2, "jitter": 16, "weighting": "inverse_variance", "tv": 0.001,
}  # fmt: skip
"""Method settings that give good pictures on most networks; the paper's are MethodParams' own."""


@dataclass(frozen=True)
class Visualizations:
    """The images, (N, 3, H, W) in 0..1, and a table with a row for each of them."""

    images: torch.Tensor
    table: pd.DataFrame


def visualize(  # noqa: PLR0913 (one keyword for each thing that a caller may want)
    model: str | nn.Module,
    references: str | Path | Mapping[str, object],
    *,
    checkpoint: str | Path | None = None,
    weights_key: str | None = None,
    model_kwargs: Mapping[str, object] | None = None,
    weights: str | None = None,
    preprocessing: Preprocessing | Mapping[str, object] | None = None,
    classes: Sequence[str] = (),
    output: str | int | None = None,
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
    """Show what classes of a network respond to, from real images of them.

    ``model`` is ``timm/<name>``, ``torchvision/<name>``, ``python:<package.module>:<factory>`` or
    a module. Its weights come from ``checkpoint``, of several tables in it from the one named
    ``weights_key``; else they are those published (of torchvision's the entry named ``weights``)
    or given by the factory. ``preprocessing`` overrides the network's own, in whole or by some of
    the keys of the block model.preprocessing. ``output`` says which of a network's outputs its
    logits are: an attribute, a key or an index. ``references`` is a source of images as in
    docs/images.md: a folder with a subfolder per class, named by class name, index or ImageNet
    synset, or ``hfds/...`` and the like; or a mapping with the keys ``source``, ``root``,
    ``split``, ``columns`` and ``class_map``. A flat folder stands for the one unit given in
    ``units``.
    ``params`` overrides DEFAULTS with keys of the visualize block. With ``out``, images, index and
    history are written there, and finished targets are kept in its ``.work`` folder for the next
    call.

    Raises a VitalError that names what cannot be used: model, tap, folder, unit or parameter.
    """
    settings = check_block({**DEFAULTS, **(params or {})}, "visualize", VisualizeParams)
    studied = open_model(
        model, checkpoint=checkpoint, weights_key=weights_key, kwargs=model_kwargs,
        weights=weights, preprocessing=_changes(preprocessing, size), classes=classes,
        output=output, taps=taps,
    )  # fmt: skip
    known = ClassMap(studied.classes, studied.outputs)
    drawn = draw_reference_sets(reference_params(references), known, units or (), per_class, seed)
    sets = {Unit(CLASS_TAP, index, known.names[index]): drawn[index] for index in drawn}
    setup = Setup(studied, seed, resolve_device(device), settings.precision)
    results = _make_images(setup, sets, settings, seeds, None if out is None else Path(out))
    images = torch.stack([finished.image for finished in results])
    pixels = studied.preprocessing.denormalize(images).clamp(0, 1)
    return Visualizations(pixels, index_table(STUDIED, results))


def _changes(
    preprocessing: Preprocessing | Mapping[str, object] | None, size: int | None
) -> Mapping[str, object]:
    """What overrides the network's own preprocessing, as the block model checks it."""
    if isinstance(preprocessing, Mapping):
        block = check_block(dict(preprocessing), "preprocessing", PreprocessingParams)
        changes = block.given()
    else:
        changes = preprocessing.to_dict() if preprocessing else {}
    return changes if size is None else {**changes, "size": (size, size)}


ReferenceSets = Mapping[Unit, Sequence[Candidate]]
"""The real images of each unit."""


def _make_images(
    setup: Setup, sets: ReferenceSets, params: VisualizeParams, seeds: int, out: Path | None
) -> list[Finished]:
    """Images of each unit from so many seeds, in order; written to ``out`` if that is given."""
    model = setup.model
    images = _batches(sets, model.preprocessing, params.batch)
    pools = [phase.pool for phase in phases(params.method()) if phase.pool > 1]
    kept = dict(extract_statistics(model, list(model.taps), images, setup.device, pools))
    targets = [Target(unit, number) for unit in sets for number in range(seeds)]
    with tempfile.TemporaryDirectory() as scratch, engines(params) as make_engine:
        store = WorkStore(out / ".work" if out else Path(scratch))
        engine = make_engine(VitalMethod(setup, kept, params.method()), params, store)
        results = sorted(engine.run(targets), key=lambda finished: finished.target)
    if out is not None:
        write_visualizations(out, STUDIED, results, model.preprocessing)
    return results


def _batches(
    sets: ReferenceSets, preprocessing: Preprocessing, size: int
) -> Iterator[tuple[list[str], torch.Tensor]]:
    """The images of each unit in turn, ``size`` at a time, with the unit of each."""
    for unit, candidates in sets.items():
        for first in range(0, len(candidates), size):
            part = candidates[first : first + size]
            images = [preprocessing(to_rgb(one.read(), one.origin)) for one in part]
            yield [unit.id] * len(part), torch.stack(images)
