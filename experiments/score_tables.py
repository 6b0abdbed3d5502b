"""The report's tables of scores as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vital.artefacts.project import Project
from vital.report.page.scores import (
    MetricTable,
    Number,
    difference_table,
    score_table,
)
from vital.report.run_files import read_scores

MISSING = "-"


def score_markdown(project: Project) -> str:
    """The metrics of all methods, and VITAL minus each peer, of a project that has scores."""
    found = (score_table(project, read_scores(project)), difference_table(project))
    return "\n".join(_of_metrics(table) for table in found if table is not None)


def _of_metrics(table: MetricTable) -> str:
    """A row per metric that any method has, its intervals in brackets."""
    rows = [
        [f"{group}: {metric.label}", *map(_cell, numbers)]
        for group, members in table.groups
        for metric, numbers in members
        if any(number.text is not None for number in numbers)
    ]
    return markdown_table(["", *table.columns], rows)


def markdown_table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are text."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _cell(number: Number) -> str:
    text = MISSING if number.text is None else number.text
    return f"{text} [{number.interval}]" if number.interval else text
