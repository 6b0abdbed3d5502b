"""What a params file will cost: what `vital estimate` shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from vital.engine.timing import seconds_per_step
from vital.images.splits import count_classes
from vital.images.statistics import ImageStatistics
from vital.methods.base import Setup
from vital.methods.image_spaces import space_of
from vital.methods.schedule import phases
from vital.methods.vital import VitalMethod
from vital.networks.model import StudiedModel
from vital.networks.taps.reader import tap_shapes
from vital.networks.untrained import untrained_model
from vital.params.base import read_block, read_params
from vital.params.check import check_params
from vital.params.data import DataParams
from vital.params.extract import ExtractParams
from vital.params.model import ModelParams
from vital.params.visualize import MethodParams, VisualizeParams
from vital.references.quantiles import TapStatistics
from vital.references.reference_sets import ReferenceSet
from vital.runtime.devices import resolve_device
from vital.runtime.memory import peak_memory
from vital.runtime.processor import multiplies_bfloat16
from vital.units import CLASS_TAP, Target, Unit

TIMED_STEPS = 3

_PAYS = 0.8
"""The share of a step's time below which another precision is worth having."""

Shapes = Mapping[str, tuple[int, int]]
"""The channels and positions of each tap."""


def estimate_run(path: Path, device_name: str) -> dict[str, str]:
    """Time, memory and disk that VITAL's images of classes will take on this machine.

    Peers and inner units are not counted. A few real steps of the full batch are timed on a network
    with random weights.
    """
    content = read_params(path)
    check_params(content)
    data = read_block(content, "data", DataParams)
    params = read_block(content, "visualize", VisualizeParams)
    classes = count_classes(data)
    units = classes if params.units == "all" else len(params.units)
    cut = (data.size, data.size) if data.size else None
    model = untrained_model(read_block(content, "model", ModelParams), classes, cut)
    size = model.preprocessing.size
    extract = read_block(content, "extract", ExtractParams)
    shapes = tap_shapes(model.network, list(extract.taps or model.taps), size)
    device = resolve_device(device_name)
    seconds = _time_steps(model, shapes, params, device)
    batches = -(-units * params.seeds // params.batch)
    minutes = seconds * full_size_steps(params.method()) * batches / 60
    values = sum(channels * positions for channels, positions in shapes.values())
    image = 3 * size[0] * size[1]
    return {
        "targets": f"{units * params.seeds} in {batches} batches of {params.batch}",
        "seconds per step": f"{seconds:.3f}",
        **_in_bfloat16(model, shapes, params, device, seconds),
        "visualize": f"about {minutes:.1f} minutes",
        "memory at its peak": f"{peak_memory() / 2**30:.2f} GiB",
        "statistics on disk": f"{values * classes * extract.sets * 4 / 2**20:.1f} MiB",
        "work store on disk": f"{image * 12 * units * params.seeds / 2**20:.1f} MiB",
    }


def _in_bfloat16(
    model: StudiedModel,
    shapes: Shapes,
    params: VisualizeParams,
    device: torch.device,
    seconds: float,
) -> dict[str, str]:
    """Whether a CPU that multiplies bfloat16 makes steps so in clearly less than ``seconds``."""
    if params.precision == "bfloat16" or device.type != "cpu" or not multiplies_bfloat16():
        return {}
    reduced = params.model_copy(update={"precision": "bfloat16"})
    share = _time_steps(model, shapes, reduced, device) / seconds
    verdict = "pays" if share < _PAYS else "does not pay"
    return {"visualize.precision": f"bfloat16 {verdict}: {share:.2f} times as long per step"}


def _time_steps(
    model: StudiedModel, shapes: Shapes, params: VisualizeParams, device: torch.device
) -> float:
    """Seconds per step of a full batch of one class that has no references."""
    target = Target(Unit(CLASS_TAP, 0, ""), 0)
    statistics = {
        ReferenceSet(target.unit.id): {tap: _blank(*shape) for tap, shape in shapes.items()}
    }
    timed = params.method().model_copy(
        update={"steps": TIMED_STEPS + 1, "coarse": None, "polish": None}
    )
    # Not compiled: that takes longer than all the steps that are timed.
    setup = Setup(model, 0, device, params.precision)
    space = space_of(timed, model.preprocessing, _no_images)
    method = VitalMethod(setup, statistics, timed, space)
    return seconds_per_step(method, [target] * params.batch)


def full_size_steps(method: MethodParams) -> float:
    """The steps of all phases; one on pooled images costs as much less as these have pixels."""
    return sum((phase.end - phase.first) / phase.pool**2 for phase in phases(method))


def _blank(channels: int, positions: int) -> TapStatistics:
    nothing = np.zeros(channels, np.float32)
    quantiles = np.zeros((channels, positions), np.float32)
    return TapStatistics(quantiles, nothing, nothing, nothing + 1, 1)


def _no_images() -> ImageStatistics:
    """Colours that have nothing to do with each other."""
    return ImageStatistics(magnitude=torch.zeros(()), covariance=torch.eye(3))
