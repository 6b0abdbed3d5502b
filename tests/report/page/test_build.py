from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from ruamel.yaml import YAML

from helpers.files import files_below
from helpers.report_artefacts import write_artefacts
from helpers.report_page import CLASSES, Page, assert_refused, build
from vital.artefacts.manifest import read_manifest
from vital.artefacts.project import Project
from vital.artefacts.reference_images import read_references
from vital.errors import ArtefactError
from vital.params.report import ReportParams
from vital.report.page.build import build_report
from vital.runtime.dvc_hash import dvc_hash
from vital.runtime.files import write_json
from vital.runtime.table_files import write_csv, write_parquet


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Page]:
    project = write_artefacts(tmp_path_factory.mktemp("project"), CLASSES)
    return project, build(project, title="A <b>title</b>")


@pytest.fixture
def project(tmp_path: Path, few_figures: None) -> Project:
    """A project to damage."""
    return write_artefacts(tmp_path, CLASSES[:2], seeds=1)


def test_links_lead_to_files_inside_the_folder_only(built: tuple[Project, Page]) -> None:
    project, page = built
    assert len(page.links) > 20
    for link in page.links:
        assert not link.startswith(("http:", "https:", "//", "/", "file:"))
        if link.startswith("#"):
            assert f'id="{link[1:]}"' in page.text
        elif link != "data:,":
            assert (project.report / link).resolve().is_relative_to(project.report.resolve())
            assert (project.report / link).is_file()
    assert "http" not in page.text and "url(" not in page.text and "@import" not in page.text


def test_every_image_has_words_and_a_number_for_a_name(built: tuple[Project, Page]) -> None:
    project, page = built
    shown = [image for image in page.images if "src" in image]
    assert len(shown) == len(CLASSES) * (4 + 2) + 2
    assert all(image.get("alt") for image in shown)
    allowed = set("abcdefghijklmnopqrstuvwxyz-0123456789.")
    assert all(set(path.name) <= allowed for path in (project.report / "images").iterdir())


def test_visualizations_are_copied_unchanged(built: tuple[Project, Page]) -> None:
    project, _ = built
    made = {path.read_bytes() for path in (project.visualizations("vital") / "images").iterdir()}
    copied = {path.read_bytes() for path in (project.report / "images").glob("visualization-*")}
    assert copied == made


def test_same_inputs_give_the_same_bytes(built: tuple[Project, Page], tmp_path: Path) -> None:
    project, _ = built
    again = write_artefacts(tmp_path / "elsewhere", CLASSES)
    build_report(again, ReportParams(title="A <b>title</b>"))
    assert files_below(again.report) == files_below(project.report)
    assert str(project.root) not in "".join(map(repr, files_below(project.report).values()))


def test_names_are_text_and_never_markup(built: tuple[Project, Page]) -> None:
    _, page = built
    assert page.tags.count("script") == 2
    assert "<script>alert(1)" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.text
    assert "A &lt;b&gt;title" in page.text
    for name in CLASSES:
        assert f"{name}: photograph 1" in page.captions
        assert name in page.words


def test_verdict_names_the_class_that_was_read(built: tuple[Project, Page]) -> None:
    _, page = built
    assert page.text.count("2/2\u00a0✓") == 1
    assert page.text.count("0/2\u00a0✕") == len(CLASSES) - 1
    assert page.text.count("read as <b>brick wall</b>") == len(CLASSES) - 1
    assert sum(", read as brick wall" in words for words in page.captions) == 2 * (len(CLASSES) - 1)


def test_metrics_stand_in_one_column_per_set_with_real_photographs_last(
    built: tuple[Project, Page],
) -> None:
    _, page = built
    table = page.text[page.text.index('<table class="scores with-real">') :]
    assert table.index("vital") < table.index("real photographs") < table.index("Top-1")
    assert "0.0123 ± 0.004" in page.words
    assert "-0.001 ± 0.004" in page.words
    assert "12.35" in page.words
    assert "kid_std" not in page.text


def test_the_page_tells_what_it_is_made_of(built: tuple[Project, Page]) -> None:
    project, page = built
    assert dvc_hash(project.images) in page.words
    assert dvc_hash(project.scores / "metrics.json") in page.words
    assert "ab" * 32 in page.words


def test_parameters_are_told_however_they_are_written(project: Project) -> None:
    before = build(project).text
    text = project.params.read_text(encoding="utf-8")
    blocks = YAML(typ="safe").load(text)
    with project.params.open("w", encoding="utf-8") as handle:
        YAML(typ="safe").dump(dict(reversed(blocks.items())), handle)
    assert project.params.read_text(encoding="utf-8") != text
    assert build(project).text == before


def test_a_metric_that_is_not_known_is_a_dash(project: Project) -> None:
    metrics = {"vital": {"frechet": None, "n": 2, "novel": 0.5}, "real": {"frechet": 1.0, "n": 2}}
    write_json(project.scores / "metrics.json", metrics)
    page = build(project)
    assert page.text.count('<abbr title="could not be computed') == 2
    assert "novel" in page.words and "null" not in page.words and "None" not in page.words


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("data/scores/metrics.json", "No scores here yet"),
        ("data/scores/embedding.csv", "No map here yet"),
        ("data/visualizations/vital/history.parquet", "No curves here yet"),
        ("data/visualizations/vital/index.parquet", "No visualizations here yet"),
        ("data/images/manifest.parquet", "No images here yet"),
        ("data/statistics/references.parquet", "no photographs of this unit here"),
        ("data/model/model.json", "No network here yet"),
    ],
)
def test_what_is_missing_is_said(project: Project, lost: str, said: str) -> None:
    (project.root / lost).unlink()
    assert said in build(project).words


def test_unscored_visualizations_carry_no_verdict(project: Project) -> None:
    (project.scores / "targets.parquet").unlink()
    page = build(project)
    assert "✓" not in page.text and "read as" not in page.text


@pytest.mark.parametrize("hostile", ["../../../secret.png", "/etc/hostname", "images/absent.png"])
def test_a_path_that_leads_outside_is_refused(project: Project, hostile: str) -> None:
    assert_refused(project, "data/visualizations/vital/index.parquet", "image", hostile)


def test_a_photograph_outside_is_refused(project: Project) -> None:
    path = project.statistics / "references.parquet"
    write_parquet(path, pd.read_parquet(path).assign(path="../model/model.json"))
    with pytest.raises(ArtefactError, match="outside"):
        build(project)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("data/scores/embedding.csv", "kind,unit,name,x,y\nvital,0,a,left,1\n"),
        ("data/scores/embedding.csv", "kind,unit\nvital,0\n"),
        ("data/scores/metrics.json", "{"),
    ],
)
def test_a_damaged_file_is_named(project: Project, name: str, content: str) -> None:
    (project.root / name).write_text(content)
    with pytest.raises(ArtefactError, match=Path(name).name):
        build(project)


def test_references_are_as_many_as_asked_for_and_from_those_averaged(project: Project) -> None:
    page = build(project, references=3)
    assert len(list((project.report / "images").glob("photograph-*"))) == 2 * 3
    assert sum(": photograph" in caption for caption in page.captions) == 2 * 3


def test_photographs_are_those_whose_features_were_averaged(project: Project) -> None:
    averaged = read_references(project.statistics)
    last = averaged.groupby("unit").tail(1)
    write_parquet(project.statistics / "references.parquet", last)
    build(project, references=3)
    shown = sorted((project.report / "images").glob("photograph-*"))
    expected = [Image.open(project.images / path).tobytes() for path in last["path"]]
    assert [Image.open(path).tobytes() for path in shown] == expected


def test_large_photographs_are_shrunk_and_lose_their_metadata(project: Project) -> None:
    photograph = Image.new("RGB", (900, 600), "teal")
    exif = photograph.getexif()
    exif[0x010E] = "where it was taken"
    for path in read_manifest(project.images)["path"]:
        photograph.save(project.images / path, exif=exif)
    build(project)
    copy = project.report / "images" / "photograph-00001.png"
    with Image.open(copy) as image:
        assert image.size == (512, 341)
    assert b"taken" not in copy.read_bytes()


def test_report_replaces_an_older_one_whole(project: Project) -> None:
    project.report.mkdir(parents=True)
    (project.report / "stale.html").write_text("old")
    build(project)
    assert {path.name for path in project.report.iterdir()} == {"figures", "images", "index.html"}


def test_many_classes_without_photographs_are_drawn(project: Project) -> None:
    points = [
        {"kind": "vital", "unit": unit, "name": f"class {unit}", "x": unit, "y": 0}
        for unit in range(100)
    ]
    write_csv(project.scores / "embedding.csv", pd.DataFrame(points))
    assert "class 99" in build(project).words
