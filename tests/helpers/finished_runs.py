"""Finished runs, to be compared, tabled and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from helpers.report_artefacts import write_artefacts, write_inner_units
from vital.artefacts.project import Project
from vital.report.runs import Run, find_runs
from vital.runtime.files import read_json, write_json
from vital.runtime.table_files import write_parquet

RESNET = "torchvision/resnet50"
ODD_NETWORK, ODD_RUN = "timm/<b>&_100%", "c&_1"
"""Names that HTML and LaTeX must escape."""


def write_scored(folder: Path, network: str, metrics: dict[str, dict[str, float | None]]) -> None:
    """A run of this network that came to these metrics."""
    project = write_artefacts(folder, ("cat", "dog"), seeds=1)
    description = read_json(project.model / "model.json")
    write_json(project.model / "model.json", {**description, "architecture": network})
    write_json(project.scores / "metrics.json", metrics)


def scored_runs(folder: Path) -> list[Run]:
    """Two runs, a and b, of a network that the paper has, and one of another."""
    scores = {"accuracy_top1": 0.5, "frechet": 48.75, "zeroshot_top1": None, "n": 30}
    write_scored(folder / "a", RESNET, {"vital": scores, "real": {"zeroshot_top1": 0.7, "n": 30}})
    write_scored(folder / "b", RESNET, {"vital": {**scores, "accuracy_top1": 1.0}})
    write_scored(folder / ODD_RUN, ODD_NETWORK, {"vital": scores})
    return find_runs([folder])


def write_run(
    folder: Path, values: Mapping[str, Sequence[float]], metrics: Mapping[str, float | None]
) -> Project:
    """A finished project whose classes have the given ``probability`` of each of their images."""
    project = write_artefacts(folder, tuple(values), seeds=2)
    rows = [
        {
            "method": "vital",
            "tap": "class",
            "unit": unit,
            "name": name,
            "seed": seed,
            "predicted_name": name,
            "probability": value,
        }
        for unit, name in enumerate(values)
        for seed, value in enumerate(values[name])
    ]
    write_parquet(project.scores / "targets.parquet", pd.DataFrame(rows))
    write_json(project.scores / "metrics.json", {"vital": {"n": len(rows), **metrics}})
    return project


def drawable_run(folder: Path) -> Project:
    """A run of two classes and two inner units with all that figures are made of."""
    made = write_artefacts(folder, ("cat", "dog"), seeds=2)
    write_inner_units(made, [("layer1", 3), ("layer2", 5)], ("cat", "dog"))
    return made
