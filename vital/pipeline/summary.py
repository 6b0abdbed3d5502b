"""What a finished pipeline has to say in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vital.artefacts.project import Project
from vital.artefacts.visualizations import INDEX_FILE
from vital.pipeline import tracking
from vital.runtime.files import read_json
from vital.runtime.store import WorkStore


def complete_tracking(project: Project) -> None:
    """Bring the tracking store up to date if it missed this state of the pipeline."""
    if (project.scores / "metrics.json").is_file() and not tracking.is_complete(project):
        tracking.complete_parent(project)


def summarize(project: Project) -> str:
    """The metrics as a table, the report's path, and the command that opens MLflow."""
    metrics: Mapping[str, Mapping[str, Any]] = read_json(project.scores / "metrics.json")
    accuracy = read_json(project.model / "metrics.json")
    lines = [
        _table(metrics),
        "",
        "network: " + ", ".join(f"{name} {value:.3f}" for name, value in sorted(accuracy.items())),
        f"report:  {project.report / 'index.html'}",
        "MLflow:  make ui",
    ]
    return "\n".join(lines)


def _table(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    columns = sorted({name for row in metrics.values() for name in row})
    order = sorted(metrics, key=lambda name: (name == "real", name))
    cells = [["", *order]]
    cells += [[name, *(_cell(metrics[row].get(name)) for row in order)] for name in columns]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def keys_in_use(project: Project) -> set[str]:
    """The work-store keys that the visualizations here were assembled from."""
    store = WorkStore(project.work)
    indices = (project.root / "data" / "visualizations").glob(f"*/{INDEX_FILE}")
    return {key for index in indices for key in store.used_by(index)}
