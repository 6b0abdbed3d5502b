"""A real browser, and a page that is watched: no error, no request that leaves its folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from helpers.browsed_report import CLASSES, METHODS, UNITS
from helpers.report_artefacts import write_artefacts, write_inner_units
from vital.artefacts.project import Project
from vital.params.report import ReportParams
from vital.report.page.build import build_report
from vital.runtime.table_files import read_parquet, write_parquet

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = write_artefacts(tmp_path_factory.mktemp("project"), CLASSES, methods=METHODS)
    write_inner_units(made, UNITS, CLASSES[1:2], methods=METHODS[:2])
    path = made.scores / "targets.parquet"
    table = read_parquet(path)
    is_right = table["top1"] | (table["method"] == "vital") | (table["unit"] > 4)
    write_parquet(path, table.assign(top1=is_right))
    build_report(made, ReportParams())
    return made


@pytest.fixture(scope="session")
def page_url(project: Project) -> str:
    return (project.report / "index.html").as_uri()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is missing: install Debian's chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, page_url: str) -> Iterator[Page]:
    """The page, watched: it must log no error and ask for nothing outside its folder."""
    opened = browser.new_page(viewport={"width": 1280, "height": 800})
    problems: list[str] = []
    requests: list[str] = []
    opened.on("console", lambda message: problems.append(message.text))
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("requestfailed", lambda request: problems.append(request.url))
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(page_url)
    yield opened
    opened.close()
    folder = page_url.rpartition("/")[0]
    assert problems == []
    assert [url for url in requests if not url.startswith((folder, "data:"))] == []
