"""Figures show what a run has."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from helpers.finished_runs import drawable_run
from vital.artefacts.project import Project
from vital.artefacts.scores import read_embedding
from vital.report.figures.style import WIDE_LIGHT
from vital.report.paper.figures import draw_classes, draw_embedded, draw_units, write_figures
from vital.report.runs import find_runs
from vital.runtime.table_files import write_csv


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return drawable_run(tmp_path / "run")


def test_every_kind_of_figure_that_the_run_has_is_drawn(project: Project, tmp_path: Path) -> None:
    (run,) = find_runs([project.root])
    names = ["classes", "units", "circuit-0", "circuit-1", "embedding"]
    assert [path.stem for path in write_figures(run, tmp_path / "out")] == names
    (project.scores / "embedding.csv").unlink()
    (project.relevance / "circuits.parquet").unlink()
    assert [path.stem for path in write_figures(run, tmp_path / "less")] == ["classes", "units"]


def test_figures_show_the_classes_and_units_of_the_run(project: Project) -> None:
    (run,) = find_runs([project.root])
    (canvas,) = draw_classes(run, run.classes)(WIDE_LIGHT).axes
    assert len(canvas.images) == 4  # a photograph and an image of each class
    assert {text.get_text() for text in canvas.texts} == {"cat", "dog", "photograph", "vital"}
    (canvas,) = draw_units(run, ["layer1/3", "layer2/5"])(WIDE_LIGHT).axes
    assert len(canvas.images) == 2 * (1 + 6)
    assert {"layer1/3", "layer2/5", "vital", "patch 6"} <= {t.get_text() for t in canvas.texts}


def test_the_embedding_shows_the_named_classes_alone(project: Project) -> None:
    (run,) = find_runs([project.root])
    table = pd.read_csv(project.scores / "embedding.csv")
    (axes,) = draw_embedded(table, run.pick_classes(["dog"]))(WIDE_LIGHT).axes
    points = [len(collection.get_offsets()) for collection in axes.collections]
    own = table[table["unit"] == 1]["kind"].value_counts()
    assert points == [own["photograph"], own["vital"]]


def test_a_class_called_na_keeps_its_name(project: Project) -> None:
    path = project.scores / "embedding.csv"
    write_csv(path, pd.read_csv(path).replace("cat", "NA"))
    (run,) = find_runs([project.root])
    table = read_embedding(project.scores)
    assert table is not None
    (axes,) = draw_embedded(table, run.classes)(WIDE_LIGHT).axes
    assert {text.get_text() for text in axes.texts} == {"NA", "dog"}
