"""What a params file will cost: what `vital estimate` shows."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from vital.engine.optimize import TargetState, optimize, pad
from vital.images.splits import count_classes
from vital.methods.parametrizations import Pixels
from vital.methods.schedule import phases
from vital.methods.transforms import Draws, Jitter
from vital.methods.vital import SortMatchingObjective, read_all, tap_weights
from vital.networks.build import build_network, freeze
from vital.networks.config import network_preprocessing
from vital.networks.taps.defaults import default_taps
from vital.networks.taps.reader import TapReader, tap_shapes
from vital.params.base import read_block, read_params
from vital.params.check import check_params
from vital.params.data import DataParams
from vital.params.extract import ExtractParams
from vital.params.model import ModelParams
from vital.params.visualize import MethodParams, VisualizeParams
from vital.references.quantiles import TapStatistics
from vital.runtime.devices import resolve_device
from vital.runtime.memory import peak_memory

TIMED_STEPS = 3


def estimate_run(path: Path, device_name: str) -> dict[str, str]:
    """Time, memory and disk that the visualize stage of a params file will take on this machine.

    A few real steps of the full batch are timed on a network with random weights.
    """
    content = read_params(path)
    check_params(content)
    data = read_block(content, "data", DataParams)
    params = read_block(content, "visualize", VisualizeParams)
    classes = count_classes(data)
    units = classes if params.units == "all" else len(params.units)
    device = resolve_device(device_name)
    shapes, size, seconds = _time_steps(content, params, data, classes, device)
    batches = -(-units * params.seeds // params.batch)
    minutes = seconds * full_size_steps(params.method()) * batches / 60
    values = sum(channels * positions for channels, positions in shapes.values())
    image = 3 * size[0] * size[1]
    return {
        "targets": f"{units * params.seeds} in {batches} batches of {params.batch}",
        "seconds per step": f"{seconds:.3f}",
        "visualize": f"about {minutes:.1f} minutes",
        "memory at its peak": f"{peak_memory() / 2**30:.2f} GiB",
        "statistics on disk": f"{values * classes * 4 / 2**20:.1f} MiB",
        "work store on disk": f"{image * 12 * units * params.seeds / 2**20:.1f} MiB",
    }


def _time_steps(
    content: dict[str, Any],
    params: VisualizeParams,
    data: DataParams,
    classes: int,
    device: torch.device,
) -> tuple[dict[str, tuple[int, int]], tuple[int, int], float]:
    model = read_block(content, "model", ModelParams)
    extract = read_block(content, "extract", ExtractParams)
    kwargs = {"num_classes": classes, **model.kwargs} if model.train else model.kwargs
    network = freeze(build_network(model.name, kwargs, weights=model.weights)).to(device)
    cut = {"size": (data.size, data.size)} if model.train and data.size else {}
    changes = model.preprocessing.given() if model.preprocessing else {}
    preprocessing = network_preprocessing(network, {**cut, **changes})
    size = preprocessing.size
    taps = list(extract.taps or model.taps or default_taps(network, size))
    shapes = tap_shapes(network, taps, size)
    statistics = {tap: _blank(*shape) for tap, shape in shapes.items()}
    method = params.method().model_copy(update={"steps": TIMED_STEPS + 1, "coarse": None})
    times: list[float] = []
    with TapReader(network, taps) as read:
        objective = SortMatchingObjective(
            read_all(read),
            [statistics] * params.batch,
            [tap_weights(statistics, {}, method)] * params.batch,
            {tap: shape[1] for tap, shape in shapes.items()},
            method,
            device,
        )
        optimize(
            pad([TargetState.initial(torch.randn(3, *size), size)], params.batch),
            Jitter([Draws.of(0, "estimate", method)] * params.batch),
            lambda start: Pixels(start.to(device), preprocessing, method.clamp),
            {1: objective},
            method,
            history_every=1,
            checkpoint_every=params.steps,
            checkpoint=lambda _states: None,
            report=lambda *_: times.append(time.perf_counter()),
        )
    return shapes, size, float(np.diff(times).mean())


def full_size_steps(method: MethodParams) -> float:
    """The steps of all phases; one on pooled images costs as much less as these have pixels."""
    return sum((phase.end - phase.first) / phase.pool**2 for phase in phases(method))


def _blank(channels: int, positions: int) -> TapStatistics:
    nothing = np.zeros(channels, np.float32)
    quantiles = np.zeros((channels, positions), np.float32)
    return TapStatistics(quantiles, nothing, nothing, nothing + 1, 1)
