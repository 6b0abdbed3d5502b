"""Make visualizations from Python, without a pipeline."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from vital.api.results import Visualizations, with_files_of, without_files
from vital.engine.local import Finished
from vital.engine.on_ray import engines
from vital.engine.output import index_table, write_visualizations
from vital.errors import ParamsError
from vital.images.files import to_rgb
from vital.images.preprocessing import Preprocessing
from vital.images.sources.base import Candidate
from vital.images.statistics import ImageStatistics, measure_images
from vital.images.tensors import from_image
from vital.methods.base import Setup
from vital.methods.image_spaces import MeasureImages, space_of
from vital.methods.schedule import phases
from vital.methods.vital import VitalMethod
from vital.networks.classes import ClassMap
from vital.networks.model import open_model
from vital.params.base import check_block
from vital.params.call import VisualizeCall, check_mapping, check_settings
from vital.params.data import ReferenceParams
from vital.params.studied_method import STUDIED
from vital.params.visualize import Parametrization, VisualizeParams
from vital.references.extract import Batch, extract_statistics
from vital.references.from_source import (
    References,
    draw_measured_images,
    draw_references,
    reference_params,
)
from vital.references.reference_sets import ReferenceSet
from vital.runtime.devices import resolve_device
from vital.runtime.locks import only_run
from vital.runtime.neutral_state import in_neutral_state
from vital.runtime.store import WorkStore
from vital.units import CLASS_TAP, Target, Unit

_ALIKE = {"steps": 500, "jitter": 16, "weighting": "inverse_variance"}
DEFAULTS: Mapping[Parametrization, Mapping[str, object]] = {
    "fourier": _ALIKE
    | {
        "parametrization": "fourier",
        "fourier": {"exponent": 0.9},
        "lr": 0.05,
        "scale": 0.15,
        "tv": 0.0005,
    },
    "pixels": _ALIKE | {"parametrization": "pixels", "lr": 0.2, "tv": 0.001},
}
"""Method settings that give good pictures on most networks; the paper's are MethodParams' own.

A call has those of Fourier coefficients unless its ``params`` ask for pixels.
"""


WORK_FOLDER = ".work"
"""In a call's folder: finished targets, and who writes there."""


@in_neutral_state
def visualize(  # noqa: PLR0913 (one keyword for each thing that a caller may want)
    model: str | nn.Module,
    references: str | Path | Mapping[str, object],
    *,
    checkpoint: str | Path | None = None,
    weights_key: str | None = None,
    model_kwargs: Mapping[str, object] | None = None,
    weights: str | None = None,
    preprocessing: Preprocessing | Mapping[str, object] | None = None,
    classes: Sequence[str] | None = None,
    output: str | int | None = None,
    units: Sequence[str | int] | None = None,
    taps: Sequence[str] | None = None,
    per_class: int | None = None,
    sets: int | None = None,
    size: int | None = None,
    seeds: int = 1,
    seed: int = 0,
    device: str = "auto",
    params: Mapping[str, object] | None = None,
    out: str | Path | None = None,
) -> Visualizations:
    """Show what classes of a network respond to, from real images of them.

    ``model`` is ``timm/<name>``, ``torchvision/<name>``, ``lite/<name>``,
    ``python:<package.module>:<factory>`` or a module. Its weights come from ``checkpoint``, of
    several tables in it the one named ``weights_key``, else those published (of torchvision's the
    entry named ``weights``), those of a package or the factory's. ``preprocessing`` overrides the
    network's own, or some of its keys. ``output`` names the logits among several outputs: an
    attribute, a key or an index. ``references`` is a source of images as in docs/images.md: a
    folder with a subfolder per class, named by class name, index or ImageNet synset, or
    ``hfds/...``; or a mapping with the keys ``source``, ``root``, ``split``, ``columns`` and
    ``class_map``. A flat folder stands for the one of ``units``. The images of a unit are dealt
    into ``sets``, which its seeds take in turn: one for every ten if it is not given; with 1, all
    are matched. ``params`` overrides DEFAULTS with keys of the visualize block. With ``out``,
    images, index, history and a contact sheet are written there, and its ``.work`` keeps what is
    finished.

    Raises a VitalError that names what cannot be used: model, tap, folder, unit or parameter.
    """
    call = check_block({
        "checkpoint": checkpoint, "weights_key": weights_key, "weights": weights,
        "output": output, "classes": classes, "taps": taps,
        "preprocessing": _fields(preprocessing), "size": size, "units": units, "sets": sets,
        "per_class": per_class, "seeds": seeds, "seed": seed, "device": str(device), "out": out,
    }, "", VisualizeCall)  # fmt: skip
    settings = check_settings(params or {}, DEFAULTS)
    return _visualize(model, model_kwargs or {}, reference_params(references), call, settings)


def _fields(preprocessing: Preprocessing | Mapping[str, object] | None) -> object:
    return preprocessing.to_dict() if isinstance(preprocessing, Preprocessing) else preprocessing


def _visualize(
    model: str | nn.Module,
    kwargs: Mapping[str, object],
    references: ReferenceParams,
    call: VisualizeCall,
    settings: VisualizeParams,
) -> Visualizations:
    """As :func:`visualize`, of what has been checked."""
    check_mapping(kwargs, "model_kwargs")
    studied = open_model(
        model,
        checkpoint=call.checkpoint,
        weights_key=call.weights_key,
        kwargs=kwargs,
        weights=call.weights,
        preprocessing=call.changes(),
        classes=[str(name) for name in call.classes or ()],
        output=call.output,
        taps=call.taps,
    )
    _refuse_among(references, call.out)
    known = ClassMap(studied.classes, studied.outputs)
    drawn = draw_references(references, known, call.units or (), call.per_class, call.seed)
    units = {Unit(CLASS_TAP, index, known.names[index]): drawn[index] for index in drawn}
    dealt = References(units, call.sets)
    device = resolve_device(call.device)
    setup = Setup(studied, call.seed, device, settings.precision, settings.compile)
    with _alone(None if call.out is None else Path(call.out)) as out:
        measure = partial(_measure_images, references, studied.preprocessing, call.seed)
        results = _make_images(setup, dealt, measure, settings, call.seeds, out)
        images = torch.stack([finished.image for finished in results])
        pixels = studied.preprocessing.denormalize(images).clamp(0, 1)
        return _results(pixels, index_table(STUDIED, results), out)


def _results(pixels: torch.Tensor, table: pd.DataFrame, out: Path | None) -> Visualizations:
    """What a call gives; a contact sheet lies beside images that are written."""
    if out is None:
        return Visualizations(pixels, without_files(table))
    made = Visualizations(pixels, with_files_of(out, table))
    made.write_sheet(out)
    return made


def _refuse_among(references: ReferenceParams, out: str | None) -> None:
    """Raise ParamsError for a folder whose images would be references of the next call."""
    if out is None or references.kind != "folder":
        return
    source, written = Path(references.source).resolve(), Path(out).resolve()
    if source in (written, *written.parents):
        raise ParamsError(f"out: {out} lies in the references' folder {source}: give another")


@contextmanager
def _alone(out: Path | None) -> Iterator[Path | None]:
    """Keep other calls out of the folder, if there is one."""
    if out is None:
        yield None
        return
    with only_run(out / WORK_FOLDER, "visualize", f"{out}: a call of visualize"):
        yield out


def _measure_images(
    references: ReferenceParams, preprocessing: Preprocessing, seed: int
) -> ImageStatistics:
    """What the source's images have in common, as the network sees them."""
    images = (to_rgb(one.read(), one.origin) for one in draw_measured_images(references, seed))
    return measure_images(from_image(preprocessing.crop(image))[None] for image in images)


def _make_images(
    setup: Setup,
    references: References,
    measure: MeasureImages,
    params: VisualizeParams,
    seeds: int,
    out: Path | None,
) -> list[Finished]:
    """Images of each unit from so many seeds, in order; written to ``out`` if that is given."""
    model = setup.model
    images = _batches(references.dealt(setup.seed), model.preprocessing, params.batch)
    pools = [phase.pool for phase in phases(params.method()) if phase.pool > 1]
    kept = dict(extract_statistics(model, list(model.taps), images, setup.device, pools))
    targets = [Target(unit, number) for unit in references.images for number in range(seeds)]
    with tempfile.TemporaryDirectory() as scratch, engines(params) as make_engine:
        store = WorkStore(out / WORK_FOLDER if out else Path(scratch))
        space = space_of(params.method(), model.preprocessing, measure)
        method = VitalMethod(setup, kept, params.method(), space)
        engine = make_engine(method, params, store)
        results = sorted(engine.run(targets), key=lambda finished: finished.target)
    if out is not None:
        write_visualizations(out, STUDIED, results, model.preprocessing)
    return results


def _batches(
    dealt: Iterable[tuple[ReferenceSet, Sequence[Candidate]]],
    preprocessing: Preprocessing,
    size: int,
) -> Iterator[Batch]:
    """The images of each set in turn, ``size`` at a time."""
    for one_set, candidates in dealt:
        for first in range(0, len(candidates), size):
            part = candidates[first : first + size]
            images = [preprocessing(to_rgb(one.read(), one.origin)) for one in part]
            yield [one_set] * len(part), torch.stack(images)
