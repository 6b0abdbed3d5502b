"""Make visualizations from Python, without a pipeline."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import torch
from torch import nn

from vital.api.announce import announce
from vital.api.plan import CallPlan
from vital.api.results import Visualizations, with_files_of, without_files
from vital.api.units import may_ask_for_channels
from vital.engine.local import Finished
from vital.engine.on_ray import engines
from vital.engine.output import index_table, write_visualizations
from vital.errors import ParamsError
from vital.images.preprocessing import Preprocessing
from vital.methods.base import Setup
from vital.networks.model import StudiedModel, open_model
from vital.params.base import check_block
from vital.params.call import CallSettings, VisualizeCall, check_mapping, check_settings
from vital.params.data import ReferenceParams
from vital.params.visualize import Parametrization
from vital.references.from_source import reference_params
from vital.runtime.devices import resolve_device
from vital.runtime.locks import only_run
from vital.runtime.neutral_state import in_neutral_state
from vital.runtime.store import WorkStore
from vital.units import targets_of

_ALIKE = {"steps": 500, "jitter": 16, "weighting": "inverse_variance"}
DEFAULTS: Mapping[Parametrization, Mapping[str, object]] = {
    "fourier": _ALIKE
    | {
        "parametrization": "fourier",
        "fourier": {"exponent": 0.9},
        "lr": 0.1,
        "scale": 0.15,
        "tv": 0.0005,
    },
    "pixels": _ALIKE | {"parametrization": "pixels", "lr": 0.2, "tv": 0.001},
}
"""Method settings that give good pictures on most networks; the paper's are MethodParams' own.

A call has those of Fourier coefficients unless its ``params`` ask for pixels.
"""


WORK_FOLDER = ".work"
"""In a call's folder: finished targets, what was found on the way, and who writes there."""


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
    method: str = "vital",
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
    """Show what units of a network respond to, from real images.

    ``model`` is ``timm/<name>``, ``torchvision/<name>``, ``lite/<name>``,
    ``python:<package.module>:<factory>`` or a module, with weights from ``checkpoint`` (the entry
    ``weights_key`` of several), else the published ones (of torchvision's those named ``weights``).
    ``references`` is a source of images as in docs/images.md: a folder with a subfolder per class,
    ``hfds/...``, or a mapping with ``source``, ``root``, ``split``, ``columns``, ``class_map``.
    ``units`` are classes by name, index or synset, and channels as ``TAP:CHANNEL``; without them,
    the source's classes. ``method`` is vital, maco, fourier, deepinversion or activation, whose
    settings ``params`` override by keys of the block visualize, or of the method's below peers.
    With ``out``, all is written there. docs/library.md tells what each keyword does.

    Raises a VitalError that names what cannot be used: model, tap, folder, unit or parameter.
    """
    call = check_block({
        "checkpoint": checkpoint, "weights_key": weights_key, "weights": weights,
        "output": output, "classes": classes, "taps": taps, "method": method,
        "preprocessing": _fields(preprocessing), "size": size, "units": units, "sets": sets,
        "per_class": per_class, "seeds": seeds, "seed": seed, "device": str(device), "out": out,
    }, "", VisualizeCall)  # fmt: skip
    with_channels = may_ask_for_channels(call.units)
    settings = check_settings(params or {}, DEFAULTS, call.method, with_channels)
    source = reference_params(references)
    return _visualize(_open(model, model_kwargs or {}, call), source, call, settings)


def _fields(preprocessing: Preprocessing | Mapping[str, object] | None) -> object:
    return preprocessing.to_dict() if isinstance(preprocessing, Preprocessing) else preprocessing


def _open(
    model: str | nn.Module, kwargs: Mapping[str, object], call: VisualizeCall
) -> StudiedModel:
    check_mapping(kwargs, "model_kwargs")
    return open_model(
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


def _visualize(
    studied: StudiedModel, source: ReferenceParams, call: VisualizeCall, settings: CallSettings
) -> Visualizations:
    """As :func:`visualize`, of what has been checked."""
    _refuse_among(source, call.out)
    visualize, device = settings.visualize, resolve_device(call.device)
    setup = Setup(studied, call.seed, device, visualize.precision, visualize.compile)
    plan = CallPlan(setup, source, call, settings)
    with _alone(call.out) as (out, work):
        announce(plan, call.seeds)
        results = _make_images(plan, call.seeds, work)
        if out is not None:
            write_visualizations(out, call.method, results, studied.preprocessing)
        images = torch.stack([finished.image for finished in results])
        pixels = studied.preprocessing.denormalize(images).clamp(0, 1)
        return _results(pixels, index_table(call.method, results), out)


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
def _alone(out: str | None) -> Iterator[tuple[Path | None, Path]]:
    """The folder for images, if there is one, without other calls, and that for work."""
    if out is None:
        with tempfile.TemporaryDirectory() as scratch:
            yield None, Path(scratch)
        return
    folder = Path(out)
    work = folder / WORK_FOLDER
    with only_run(work, "visualize", f"{folder}: a call of visualize"):
        yield folder, work


def _make_images(plan: CallPlan, seeds: int, work: Path) -> list[Finished]:
    """Images of each unit from so many seeds, sorted by target."""
    results: list[Finished] = []
    with engines(plan.settings.visualize) as make_engine:
        store = WorkStore(work)
        for group in plan.groups(work):
            engine = make_engine(group.make(group.inputs), group.inputs.visualize, store)
            results += engine.run(targets_of(group.units, seeds))
    return sorted(results, key=lambda finished: finished.target)
