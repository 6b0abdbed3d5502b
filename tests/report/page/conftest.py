"""What the page's sections are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.report_artefacts import write_artefacts
from helpers.report_page import METHODS, PLAIN_CLASSES
from vital.artefacts.project import Project
from vital.report.page.pictures import PictureFolder


@pytest.fixture
def few_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are drawn once only, as PNG: drawing them is most of the time."""
    monkeypatch.setattr("vital.report.figures.style.LOOKS", ())


@pytest.fixture
def compared(tmp_path: Path, few_figures: None) -> Project:
    """A project with the images of several methods."""
    return write_artefacts(tmp_path / "project", PLAIN_CLASSES, seeds=2, methods=METHODS)


@pytest.fixture
def pictures(tmp_path: Path) -> PictureFolder:
    return PictureFolder(tmp_path / "images")
