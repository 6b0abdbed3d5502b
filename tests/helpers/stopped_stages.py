"""Stages on noise that are ended midway, and what they have left."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pandas as pd
import pytest
import torch
from timm.models.resnet import ResNet
from torch.nn.modules.module import register_module_forward_pre_hook

from helpers.files import files_below
from helpers.small_networks import KWARGS, TAPS, lively_model, write_noise
from stages.references import references
from stages.runner import Stage
from vital.artefacts.chosen_units import units_table, write_units
from vital.artefacts.manifest import write_manifest
from vital.artefacts.project import Project
from vital.networks import memory_layout
from vital.networks.model import save_model
from vital.runtime.files import digest_file, write_json
from vital.runtime.table_files import write_parquet

CLASSES = ("one", "two", "three", "four")


EACH = {"train": 3, "heldout": 4}


CONTENT = {
    "seed": 0,
    "extract": {"taps": list(TAPS), "references": 3, "batch": 2},
    "references": {"count": 3, "shortlist": 6, "patch": 16, "batch": 2},
    "relevance": {"taps": ["input", "conv1"], "batch": 2, "shown": 2},
    "methods": ["vital", "activation"],
    "score": {"perplexity": 3.0, "resamples": 20, "batch": 2},
}


OUTPUTS = {"extract": "statistics", "score": "scores"}


Work = Callable[[Stage], None]


class KilledError(Exception):
    """Stands for the end of a process."""


class NoLog:
    """A stage's log that keeps nothing."""

    def metrics(self, values: object) -> None: ...

    def table(self, frame: object, name: str) -> None: ...

    def file(self, path: object, folder: str) -> None: ...


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """All that the four stages read, of noise."""
    project = Project(tmp_path_factory.mktemp("project"))
    _write_images(project.images)
    model = lively_model(TAPS)
    save_model(
        project.model,
        model.network,
        {
            "architecture": "timm/resnet10t",
            "kwargs": KWARGS,
            "classes": list(CLASSES),
            "preprocessing": model.preprocessing.to_dict(),
            "taps": model.taps,
        },
    )
    chosen = [("layer2", channel, "listed", None, None, None) for channel in range(3)]
    write_units(project.units, units_table(chosen))
    for seed, method in enumerate(CONTENT["methods"]):
        _write_visualizations(project.visualizations(method), seed)
    write_json(project.judges / "metrics.json", {})
    references(stage_of(project))  # which relevance reads
    return project


def _write_images(folder: Path) -> None:
    names = [(split, name) for split, count in EACH.items() for name in CLASSES * count]
    write_noise(folder, len(names))
    rows = [
        {"path": f"{i}.png", "label": CLASSES.index(name), "class_name": name, "split": split,
         "width": 32, "height": 32, "sha256": digest_file(folder / f"{i}.png"), "source": ""}
        for i, (split, name) in enumerate(names)
    ]  # fmt: skip
    write_manifest(folder, rows)


def _write_visualizations(folder: Path, seed: int) -> None:
    write_noise(folder, len(CLASSES), seed + 1)
    index = [
        {"tap": "class", "unit": i, "name": name, "seed": 0, "image": f"{i}.png"}
        for i, name in enumerate(CLASSES)
    ]
    write_parquet(folder / "index.parquet", pd.DataFrame(index))
    history = [{"method": folder.name, "target": "class/0", "step": 0, "loss": 1.0}]
    write_parquet(folder / "history.parquet", pd.DataFrame(history))


def stage_of(project: Project, **changes: object) -> Stage:
    return Stage(project, {**CONTENT, **changes}, NoLog())


def results(project: Project, work: Work) -> dict[str, bytes]:
    folder = project.root / "data" / OUTPUTS.get(work.__name__, work.__name__)
    return files_below(folder)


def kept(project: Project) -> list[Path]:
    return sorted(project.work.rglob("*.safetensors"))


@contextmanager
def passes(until: int | None = None, signals: bool = False) -> Iterator[list[int]]:
    """The sizes of the batches that the network is shown; after ``until`` the process ends.

    The images of noise that a network's layout is tried on are no work, and not counted.
    """
    seen: list[int] = []
    answer = memory_layout._answer
    trials: list[torch.nn.Module] = []

    def tried(network: torch.nn.Module, size: tuple[int, int]) -> torch.Tensor | None:
        trials.append(network)
        try:
            return answer(network, size)
        finally:
            trials.pop()

    def note(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if trials or not isinstance(module, ResNet):
            return
        if len(seen) == until and signals:
            os.kill(os.getpid(), signal.SIGTERM)
        elif len(seen) == until:
            raise KilledError
        seen.append(len(inputs[0]))

    handle = register_module_forward_pre_hook(note)
    try:
        with mock.patch.object(memory_layout, "_answer", tried):
            yield seen
    finally:
        handle.remove()
