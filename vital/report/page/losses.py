"""The report's loss curves: one figure, of all methods that have recorded any for classes."""

from __future__ import annotations

from pathlib import Path

from vital.artefacts.project import Project
from vital.artefacts.visualizations import HISTORY, class_curves
from vital.report.figures.losses import draw_losses
from vital.report.figures.style import save_figure
from vital.report.run_files import per_method


def loss_figure(project: Project, folder: Path) -> bool:
    """Draw the loss curves of classes into ``folder``; False where no method has left any."""
    tables = per_method(project, HISTORY)
    curves = {method: class_curves(table) for method, table in tables.items()}
    histories = {method: table for method, table in curves.items() if len(table)}
    if histories:
        save_figure(folder, "losses", draw_losses(histories))
    return bool(histories)
