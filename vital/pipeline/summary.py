"""What a finished pipeline has to say in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vital.artefacts.model import read_accuracies
from vital.artefacts.project import Project
from vital.artefacts.report import PAGE
from vital.artefacts.scores import read_metrics
from vital.artefacts.visualizations import method_order


def summarize(project: Project) -> str:
    """The metrics as a table, the report's path, and the command that opens MLflow."""
    metrics = read_metrics(project.scores)
    accuracy = read_accuracies(project.model)
    shares = [f"{name} {value:.3f}" for name, value in sorted(accuracy.items())]
    lines = [
        _table(metrics),
        "",
        f"network: {', '.join(shares) or 'not measured here'}",
        f"report:  {project.report / PAGE}",
        "MLflow:  make ui",
    ]
    return "\n".join(lines)


def _table(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    columns = sorted({name for row in metrics.values() for name in row})
    order = sorted(metrics, key=method_order)
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
