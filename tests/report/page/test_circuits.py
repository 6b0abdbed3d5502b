"""The report's circuits."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.circuits import UNITS, run_with_circuits
from helpers.report_page import build
from vital.artefacts.project import Project
from vital.report.figures.style import LOOKS
from vital.report.page.circuits import circuit_sections


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return run_with_circuits(tmp_path)


def test_the_report_shows_a_figure_with_words_for_each(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vital.report.figures.style.LOOKS", LOOKS[:1])
    page = build(project)
    figures = {path.name for path in (project.report / "figures").glob("circuit-*")}
    assert figures == {
        "circuit-0-wide-light.svg", "circuit-0.png", "circuit-1-wide-light.svg", "circuit-1.png",
    }  # fmt: skip
    [alt] = [image["alt"] for image in page.images if "circuit-1" in (image.get("src") or "")]
    assert alt is not None and "<i>café</i>" in alt and "layer2/3 with 25.0\u202f%" in alt
    assert "<i>" not in page.text
    for i, (tap, channel) in enumerate(UNITS, start=1):
        assert f'<a href="#unit-{i}">{tap}/{channel}</a>' in page.text


def test_no_circuit_no_figure(project: Project, tmp_path: Path) -> None:
    (project.relevance / "circuits.parquet").unlink()
    assert circuit_sections(project, 2, tmp_path / "figures") == []
    assert not (tmp_path / "figures").exists()
