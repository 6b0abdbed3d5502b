"""The static report: a folder with one page that opens from disk, without server or network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vital.artefacts.checked import optional, per_method
from vital.artefacts.project import DESCRIPTION_FILE, Project
from vital.artefacts.scores import Metrics
from vital.artefacts.visualizations import HISTORY_FILE, REAL, class_curves, read_history
from vital.params.report import ReportParams
from vital.report.figures.style import LOOKS, draw_losses, save_figure
from vital.report.page.circuits import circuit_sections
from vital.report.page.map import feature_map
from vital.report.page.methods import Comparison, compare_methods
from vital.report.page.origin import locked_files, origin_tables
from vital.report.page.pictures import Shelf
from vital.report.page.scores import difference_table, score_table, scored_metrics
from vital.report.page.units import unit_cards
from vital.report.wording import percent
from vital.runtime.files import read_json, replacing_folder, write_text
from vital.scoring.metrics.agreement import ACCURACY_TOP1

PAGE = "index.html"
FIGURES_FOLDER = "figures"
IMAGES_FOLDER = "images"

_TEMPLATES = "templates"


def build_report(project: Project, params: ReportParams) -> None:
    """Write data/report whole: the page, its figures, and copies of the images that it shows.

    What a stage has not made yet is said in its section. Raises ArtefactError for a file that is
    damaged, or a table that names an image outside its folder.
    """
    with replacing_folder(project.report) as folder:
        write_text(folder / PAGE, _render(_page(project, params, folder)))


def _page(project: Project, params: ReportParams, folder: Path) -> dict[str, Any]:
    """Everything that the template names."""
    shelf = Shelf(folder / IMAGES_FOLDER)
    figures = folder / FIGURES_FOLDER
    comparison = compare_methods(project, params.references, shelf)
    units = unit_cards(project, params.references, shelf)
    description = optional(project.model / DESCRIPTION_FILE, read_json) or {}
    accuracies = _accuracies(project, description)
    scores = scored_metrics(project)
    return {
        "title": params.title,
        "network": description.get("architecture", "the network"),
        "headlines": _headlines(comparison, scores, accuracies),
        "comparison": comparison,
        "units": units,
        "anchors": {card.unit: f"unit-{i}" for i, card in enumerate(units, start=1)},
        "circuits": circuit_sections(project, params.references, figures),
        "scores": score_table(project, scores),
        "differences": difference_table(project),
        "map": feature_map(project, figures, shelf),
        "has_losses": _loss_figure(project, figures),
        "looks": [look.name for look in LOOKS],
        "tables": origin_tables(project, description, accuracies),
        "files": locked_files(project),
        "raw_params": project.params.read_text(encoding="utf-8"),
    }


def _render(page: Mapping[str, Any]) -> str:
    loader = PackageLoader(__package__, _TEMPLATES)
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    environment.globals["inlined"] = lambda name: Markup(loader.get_source(environment, name)[0])
    return environment.get_template("report.html.j2").render(page)


def _headlines(
    comparison: Comparison, scores: Metrics, accuracies: Mapping[str, float]
) -> list[tuple[str, str]]:
    """The numbers at the top of the page, each with what it counts."""
    lines = [
        (str(len(comparison.rows)), "classes"),
        (str(comparison.images), "visualizations"),
    ]
    methods = sorted(set(scores) - {REAL})
    if len(methods) > 1:
        lines.insert(1, (str(len(methods)), "methods"))
    share = scores[methods[0]].get(ACCURACY_TOP1.key) if len(methods) == 1 else None
    if share is not None:
        lines.append((percent(share), "of them recognised as their class"))
    if "accuracy_top1" in accuracies:
        label = "of validation photographs recognised by the network"
        lines.append((percent(accuracies["accuracy_top1"]), label))
    return lines


def _accuracies(project: Project, description: Mapping[str, Any]) -> dict[str, float]:
    """How well the network does on real images, by the name of the measure."""
    measured = optional(project.model / "metrics.json", read_json)
    if measured is not None:
        return dict(measured)
    return {"accuracy_top1": description["accuracy"]} if "accuracy" in description else {}


def _loss_figure(project: Project, folder: Path) -> bool:
    """Draw the loss curves of classes; False where no method has left any."""
    tables = per_method(project, HISTORY_FILE, read_history, ("target", "step", "loss"))
    curves = {method: class_curves(table) for method, table in tables.items()}
    histories = {method: table for method, table in curves.items() if len(table)}
    if histories:
        save_figure(folder, "losses", draw_losses(histories))
    return bool(histories)
