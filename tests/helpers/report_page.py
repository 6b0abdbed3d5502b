"""The report's page, built and parsed."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from vital.artefacts.project import Project
from vital.params.report import ReportParams
from vital.report.page.build import build_report

CLASSES = ("brick wall", "NA", "$x^2$ 'quoted' \"twice\" 猫 é", "<script>alert(1)</script>")


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
