"""Tables as CSV, HTML and LaTeX."""

from __future__ import annotations

import csv
from html.parser import HTMLParser
from pathlib import Path

import pytest

from helpers.finished_runs import RESNET, scored_runs
from vital.report.paper.results import results_table
from vital.report.paper.tables import csv_text, html_text, latex_text
from vital.report.runs import Run


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    return scored_runs(tmp_path)


def test_csv_holds_the_numbers_and_marks_what_is_missing(runs: list[Run]) -> None:
    rows = list(csv.DictReader(csv_text(results_table(runs)).splitlines()))
    (found,) = [row for row in rows if (row["method"], row["run"]) == ("vital", "a")]
    assert float(found["Fréchet here"]) == 48.75
    assert float(found["top-1 % difference"]) == pytest.approx(-49.9)
    assert found["CLIP top-1 % here"] == "-"
    (maco,) = [row for row in rows if (row["network"], row["method"]) == (RESNET, "maco")]
    assert (maco["run"], maco["images"], maco["Fréchet here"]) == ("-", "-", "-")


class Cells(HTMLParser):
    """The text of a page's table cells; fails on a tag that is no table's."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert tag in ("table", "thead", "tbody", "tr", "th", "td")
        if tag in ("th", "td"):
            self.found.append("")

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.found[-1] += data


def test_markup_in_names_is_escaped(runs: list[Run]) -> None:
    table = results_table(runs)
    cells = Cells(html_text(table)).found
    assert {"timm/<b>&_100%", "c&_1", "48.75", "-49.90", "-"} <= set(cells)
    latex = latex_text(table)
    assert r"timm/<b>\&\_100\% & vital & c\&\_1 & 30 &" in latex
    assert r"top-1 \% here" in latex
    body = latex.partition(r"\midrule")[2].partition(r"\bottomrule")[0]
    lines = [line for line in body.splitlines() if line.strip()]
    assert len(lines) == len(table)
    for line in lines:  # as many cells as columns, whatever names hold
        assert line.replace(r"\&", "").count("&") == len(table.columns) - 1
        assert line.endswith(r"\\")
