"""The report's page, built and parsed."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from vital.artefacts.project import Project
from vital.errors import ArtefactError
from vital.params.report import ReportParams
from vital.report.page.build import build_report
from vital.runtime.table_files import write_parquet

CLASSES = ("brick wall", "NA", "$x^2$ 'quoted' \"twice\" 猫 é", "<script>alert(1)</script>")
"""Names that are hard to get right."""

PLAIN_CLASSES = ("brick", "coins", "petals")
METHODS = ("maco", "vital", "activation")

LINKS = ("src", "href", "srcset", "action", "poster", "data")


class Page(HTMLParser):
    """What a page links to, its images and its words."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.tags: list[str] = []
        self.captions: list[str] = []
        self.words = ""
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in LINKS and value]
        if tag == "img":
            self.images.append(values)
            self.captions.append(values.get("alt") or "")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem is None:  # neither script nor style
            self.words += data


def build(project: Project, **params: object) -> Page:
    build_report(project, ReportParams(**params))
    return Page(project.report / "index.html")


def section(page: Page, name: str) -> str:
    """The markup of one of the page's sections."""
    return page.text.partition(f'<section id="{name}"')[2].partition("</section>")[0]


def taken(project: Project, kind: str) -> list[Path]:
    """The pictures of this kind in the report's folder."""
    return sorted((project.report / "images").glob(f"{kind}-*"))


def change(path: Path, **columns: object) -> None:
    """Set columns of a Parquet file."""
    write_parquet(path, pd.read_parquet(path).assign(**columns))


def assert_refused(project: Project, table: str, column: str, named: str) -> None:
    """No report is made where a table names this file, though a file may lie there."""
    for folder in (project.root, project.root / "data"):
        Image.new("RGB", (4, 4)).save(folder / "secret.png")
    change(project.root / table, **{column: named})
    with pytest.raises(ArtefactError):
        build(project)
    assert not project.report.exists()
