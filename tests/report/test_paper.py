"""The paper's tables hold what artefacts and the paper say; its figures what a run has."""

from __future__ import annotations

import csv
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from helpers.report_artefacts import write_artefacts, write_inner_units
from vital.artefacts.project import Project
from vital.cli import app
from vital.report.figures.style import WIDE_LIGHT
from vital.report.paper.figures import draw_classes, draw_embedded, draw_units, write_figures
from vital.report.paper.results import COLUMNS, results_table
from vital.report.paper.tables import csv_text, html_text, latex_text
from vital.report.runs import Run, find_runs
from vital.runtime.files import read_json, write_json

RESNET = "torchvision/resnet50"


def write_scored(folder: Path, network: str, metrics: dict[str, dict[str, float | None]]) -> None:
    project = write_artefacts(folder, ("cat", "dog"), seeds=1)
    description = read_json(project.model / "model.json")
    write_json(project.model / "model.json", {**description, "architecture": network})
    write_json(project.scores / "metrics.json", metrics)


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    scores = {"accuracy_top1": 0.5, "frechet": 48.75, "zeroshot_top1": None, "n": 30}
    write_scored(tmp_path / "a", RESNET, {"vital": scores, "real": {"zeroshot_top1": 0.7, "n": 30}})
    write_scored(tmp_path / "b", RESNET, {"vital": {**scores, "accuracy_top1": 1.0}})
    write_scored(tmp_path / "c&_1", "timm/<b>&_100%", {"vital": scores})
    return find_runs([tmp_path])


def test_the_paper_s_numbers_are_those_that_it_prints() -> None:
    """Its table, number by number, in the order in which it prints them."""
    table = results_table([])
    printed = {
        (RESNET, "maco"): (29.43, 360.74, 12.87, 29.73),
        (RESNET, "deepinversion"): (100.00, 35.76, 29.90, 55.20),
        (RESNET, "vital"): (99.90, 58.79, 66.62, 92.56),
        ("torchvision/vit_l_16", "maco"): (44.33, 946.96, 3.93, 10.57),
        ("torchvision/vit_l_16", "vital"): (99.80, 126.29, 68.17, 92.80),
        ("torchvision/convnext_base", "maco"): (66.07, 62.55, 7.20, 19.77),
        ("torchvision/convnext_base", "vital"): (99.97, 3.92, 63.53, 90.30),
    }
    names = [f"{column.title} paper" for column in COLUMNS]
    rows = table.set_index(["network", "method"])[names]
    assert {
        key: tuple(row) for key, row in zip(rows.index, rows.to_numpy(), strict=True)
    } == printed
    assert table["run"].isna().all()


def test_what_was_measured_stands_beside_what_is_printed(runs: list[Run]) -> None:
    table = results_table(runs).set_index(["network", "method", "run"])
    first = table.loc[(RESNET, "vital", "a")]
    assert first["top-1 % here"] == 50.0
    assert first["top-1 % difference"] == pytest.approx(50.0 - 99.90)
    assert first["Fréchet here"] == 48.75
    assert first["Fréchet difference"] == pytest.approx(48.75 - 58.79)
    assert first["images"] == 30
    assert pd.isna(first["CLIP top-1 % here"])  # null in the artefact
    assert pd.isna(first["CLIP top-5 % difference"])  # not in the artefact
    assert table.loc[(RESNET, "vital", "b"), "top-1 % here"] == 100.0
    real = table.loc[(RESNET, "real", "a")]
    assert (real["CLIP top-1 % paper"], real["CLIP top-1 % here"]) == (69.11, 70.0)
    other = table.loc[("timm/<b>&_100%", "vital", "c&_1")]
    assert pd.isna(other["top-1 % paper"])
    assert other["top-1 % here"] == 50.0
    order = [network for network, _, _ in table.index]
    assert order == sorted(order, key=list(dict.fromkeys(order)).index)  # network by network


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


def test_the_command_writes_every_table_in_every_format(
    tmp_path: Path, runs: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["paper", "tables", "a", "b", "--out", "out"])
    assert done.exit_code == 0, done.output
    files = {f"out/{name}{kind}" for name in ("results", "metrics") for kind in
             (".csv", ".tex", ".html")}  # fmt: skip
    assert set(done.stdout.split()) == files
    rows = list(csv.DictReader(Path("out/metrics.csv").read_text(encoding="utf-8").splitlines()))
    assert [(row["run"], row["method"], row["accuracy_top1"]) for row in rows] == [
        ("a", "vital", "0.5"), ("a", "real", "-"), ("b", "vital", "1"),
    ]  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = write_artefacts(tmp_path / "run", ("cat", "dog"), seeds=2)
    write_inner_units(made, [("layer1", 3), ("layer2", 5)], ("cat", "dog"))
    return made


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


def test_the_figures_command_writes_a_folder_per_run(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root.parent)
    done = CliRunner().invoke(app, ["paper", "figures", "run", "--classes", "cat"])
    assert done.exit_code == 0, done.output
    names = ["classes", "units", "circuit-0", "embedding"]
    assert done.stdout.split() == [f"paper/run/{name}.png" for name in names]
    assert all(Path(line).is_file() for line in done.stdout.split())
