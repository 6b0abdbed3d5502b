"""The static report: a folder with one page that opens from disk, without server or network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vital.artefacts import model
from vital.artefacts.model import ARCHITECTURE
from vital.artefacts.project import Project
from vital.artefacts.report import FIGURES_FOLDER, PAGE
from vital.artefacts.scores import Metrics
from vital.artefacts.visualizations import REAL
from vital.params.report import ReportParams
from vital.report.figures.style import LOOKS
from vital.report.formatting import percent
from vital.report.page.circuits import circuit_sections
from vital.report.page.classes import ClassTable, class_table
from vital.report.page.losses import loss_figure
from vital.report.page.map import feature_map
from vital.report.page.origin import file_table, origin_tables, params_text
from vital.report.page.pictures import PictureFolder
from vital.report.page.scores import difference_table, score_table
from vital.report.page.units import unit_cards
from vital.report.run_files import read_accuracies, read_description, read_scores
from vital.runtime.files import replacing_folder, write_text
from vital.scoring.metrics.agreement import ACCURACY_TOP1

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
    pictures = PictureFolder(folder / IMAGES_FOLDER)
    figures = folder / FIGURES_FOLDER
    classes = class_table(project, params.references, pictures)
    units = unit_cards(project, params.references, pictures)
    description, accuracies = read_description(project), read_accuracies(project)
    scores = read_scores(project)
    return {
        "title": params.title,
        "network": description.get(ARCHITECTURE, "the network"),
        "headlines": _headlines(classes, scores, accuracies),
        "classes": classes,
        "units": units,
        "anchors": {card.unit: f"unit-{i}" for i, card in enumerate(units, start=1)},
        "circuits": circuit_sections(project, params.references, figures),
        "scores": score_table(project, scores),
        "differences": difference_table(project),
        "map": feature_map(project, figures, pictures),
        "has_losses": loss_figure(project, figures),
        "looks": [look.name for look in LOOKS],
        "tables": origin_tables(project, description, accuracies),
        "files": file_table(project),
        "params": params_text(project),
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
    classes: ClassTable, scores: Metrics, accuracies: Mapping[str, float]
) -> list[tuple[str, str]]:
    """The numbers at the top of the page, each with what it counts."""
    lines = [
        (str(len(classes.rows)), "classes"),
        (str(classes.images), "visualizations"),
    ]
    methods = sorted(set(scores) - {REAL})
    if len(methods) > 1:
        lines.insert(1, (str(len(methods)), "methods"))
    recognised = scores[methods[0]].get(ACCURACY_TOP1.key) if len(methods) == 1 else None
    if recognised is not None:
        lines.append((percent(recognised), "of them recognised as their class"))
    if model.ACCURACY_TOP1 in accuracies:
        label = "of validation photographs recognised by the network"
        lines.append((percent(accuracies[model.ACCURACY_TOP1]), label))
    return lines
