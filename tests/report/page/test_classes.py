from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.report_artefacts import write_artefacts
from helpers.report_page import build
from vital.artefacts.project import Project
from vital.errors import ArtefactError
from vital.images.files import write_png
from vital.params.report import ReportParams
from vital.report.page.build import build_report
from vital.report.page.classes import ClassTable, class_table
from vital.report.page.map import feature_map
from vital.report.page.pictures import PictureFolder
from vital.runtime.files import write_csv, write_parquet

CLASSES = ("brick", "coins", "petals")
METHODS = ("maco", "vital", "activation")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr("vital.report.figures.style.LOOKS", ())
    return write_artefacts(tmp_path / "project", CLASSES, seeds=2, methods=METHODS)


@pytest.fixture
def pictures(tmp_path: Path) -> PictureFolder:
    return PictureFolder(tmp_path / "images")


def change(path: Path, **columns: object) -> None:
    write_parquet(path, pd.read_parquet(path).assign(**columns))


def values(comparison: ClassTable, method: str, label: str) -> list[float | None]:
    place = next(
        place
        for place, found in comparison.measures[comparison.methods.index(method)]
        if found == label
    )
    return [row.values[place] for row in comparison.rows]


def test_the_studied_method_comes_first_and_its_peers_by_name(
    project: Project, pictures: PictureFolder
) -> None:
    comparison = class_table(project, 4, pictures)
    assert comparison.methods == ["vital", "activation", "maco"]
    assert [row.name for row in comparison.rows] == list(CLASSES)
    assert all(len(row.cells) == 3 for row in comparison.rows)
    assert comparison.images == 3 * 3 * 2


def test_a_folder_without_an_index_is_no_method(project: Project, pictures: PictureFolder) -> None:
    (project.visualizations("unfinished") / "images").mkdir(parents=True)
    assert "unfinished" not in class_table(project, 4, pictures).methods


def test_a_class_that_a_method_left_out_has_an_empty_cell(
    project: Project, pictures: PictureFolder
) -> None:
    path = project.visualizations("maco") / "index.parquet"
    index = pd.read_parquet(path)
    write_parquet(path, index[index["unit"] != 1])
    comparison = class_table(project, 4, pictures)
    assert [row.cells[2] is None for row in comparison.rows] == [False, True, False]
    assert values(comparison, "maco", "Probability") == [0.987, None, 0.987]
    assert "none" in build(project).words


def test_values_are_means_over_seeds_of_the_method_itself(
    project: Project, pictures: PictureFolder
) -> None:
    path = project.visualizations("activation") / "index.parquet"
    index = pd.read_parquet(path)
    change(path, probability=0.1 * index["unit"] + 0.5 * index["seed"])
    path = project.scores / "targets.parquet"
    targets = pd.read_parquet(path)
    half = (targets["method"] == "maco") & (targets["unit"] == 1) & (targets["seed"] == 0)
    change(path, top1=targets["top1"] | half)
    comparison = class_table(project, 4, pictures)
    assert values(comparison, "activation", "Probability") == [0.25, 0.35, 0.45]
    assert values(comparison, "vital", "Probability") == [0.987] * 3
    assert values(comparison, "maco", "Top-1") == [1.0, 0.5, 0.0]
    assert values(comparison, "vital", "Top-1") == [1.0, 0.0, 0.0]
    assert values(comparison, "maco", "Centroid distance") == [1.0, 2.0, 3.0]
    assert values(comparison, "activation", "Centroid distance") == [21.0, 22.0, 23.0]


def test_whatever_was_asked_of_each_image_can_be_sorted_by(
    project: Project, pictures: PictureFolder
) -> None:
    change(project.scores / "targets.parquet", transfer_other_accuracy_top1=True, knn=3)
    comparison = class_table(project, 4, pictures)
    label = "Top-1 (In other, which no method optimised)"
    assert values(comparison, "vital", label) == [1.0, 1.0, 1.0]
    assert "knn" not in [found for _, found in comparison.measures[0]]


def test_a_row_knows_the_columns_in_which_another_class_was_seen(
    project: Project, pictures: PictureFolder
) -> None:
    path = project.scores / "targets.parquet"
    targets = pd.read_parquet(path)
    is_right = (targets["method"] != "maco") | (targets["seed"] == 0) | (targets["unit"] == 0)
    change(path, top1=is_right)
    comparison = class_table(project, 4, pictures)
    assert [row.misread for row in comparison.rows] == [[], [2], [2]]
    cell = comparison.rows[1].cells[2]
    assert cell is not None
    assert (cell.recognised, cell.scored, cell.read_as) == (1, 2, ["brick"])
    assert [tile.is_misread for tile in cell.tiles] == [False, True]


def test_without_scores_and_probabilities_rows_are_shown_all_the_same(
    project: Project, pictures: PictureFolder
) -> None:
    (project.scores / "targets.parquet").unlink()
    for method in METHODS:
        path = project.visualizations(method) / "index.parquet"
        write_parquet(path, pd.read_parquet(path).drop(columns="probability"))
    comparison = class_table(project, 4, pictures)
    assert comparison.images == 18
    assert {value for row in comparison.rows for value in row.values} == {None}
    assert "nan" not in build(project).words.lower().split()


def test_a_method_that_is_named_otherwise_in_its_table_goes_by_its_folder(
    project: Project, pictures: PictureFolder
) -> None:
    change(project.visualizations("maco") / "index.parquet", method="../../elsewhere")
    assert class_table(project, 4, pictures).methods == ["vital", "activation", "maco"]


# Pictures


def test_large_pictures_have_a_small_one_beside_them(
    tmp_path: Path, pictures: PictureFolder
) -> None:
    write_png(tmp_path / "large.png", np.zeros((300, 400, 3), dtype=np.uint8))
    write_png(tmp_path / "small.png", np.zeros((64, 64, 3), dtype=np.uint8))
    large = pictures.copy(tmp_path / "large.png", "visualization")
    small = pictures.copy(tmp_path / "small.png", "visualization")
    assert small.thumbnail == small.url
    with Image.open(tmp_path / large.thumbnail) as image:
        assert (image.format, image.size) == ("JPEG", (160, 120))
    assert (tmp_path / large.url).read_bytes() == (tmp_path / "large.png").read_bytes()
    assert (large.width, large.height) == (400, 300)


def test_a_small_picture_keeps_its_transparency(tmp_path: Path, pictures: PictureFolder) -> None:
    pixels = np.full((256, 256, 4), 200, dtype=np.uint8)
    pixels[:, :128, 3] = 0
    write_png(tmp_path / "made.png", pixels)
    picture = pictures.copy(tmp_path / "made.png", "transparent")
    with Image.open(tmp_path / picture.thumbnail) as image:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    assert alpha[:, :75].max() < 20 and alpha[:, -75:].min() > 180


def test_a_file_that_is_taken_twice_is_there_once(tmp_path: Path, pictures: PictureFolder) -> None:
    write_png(tmp_path / "made.png", np.zeros((8, 8, 3), dtype=np.uint8))
    assert pictures.copy(tmp_path / "made.png", "a") is pictures.copy(tmp_path / "made.png", "b")
    assert len(list((tmp_path / "images").iterdir())) == 1


def test_the_page_shows_small_pictures_and_leads_to_large_ones(project: Project) -> None:
    folder = project.visualizations("vital")
    for path in (folder / "images").iterdir():
        write_png(path, np.zeros((224, 224, 3), dtype=np.uint8))
    page = build(project)
    small = [image for image in page.images if "-small.jpg" in (image.get("src") or "")]
    assert len(small) == 3 * 2
    assert all((image["width"], image["height"]) == ("224", "224") for image in small)
    assert all(image["src"].replace("-small.jpg", ".png") in page.links for image in small)


# The map


def test_points_carry_their_kind_class_and_picture(project: Project, tmp_path: Path) -> None:
    pictures = PictureFolder(tmp_path / "images")
    comparison = class_table(project, 4, pictures)
    found = feature_map(project, tmp_path / "figures", pictures)
    assert found is not None
    assert found.kinds == ["photograph", "vital", "activation", "maco"]
    assert [name for _, name, _ in found.classes] == list(CLASSES)
    tiles = {
        (method, row.name): {tile.picture.url for tile in cell.tiles}
        for row in comparison.rows
        for method, cell in zip(comparison.methods, row.cells, strict=True)
        if cell is not None
    }
    table = pd.read_csv(project.scores / "embedding.csv")
    assert len(found.points) == len(table)
    for x, y, kind, place, picture in found.points:
        assert ((table["x"] - x).abs() + (table["y"] - y).abs()).min() <= 0.011
        if kind:
            assert picture in tiles[found.kinds[kind], CLASSES[place]]
        else:
            assert (tmp_path / picture).is_file()


def test_of_very_many_photographs_some_have_a_picture(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vital.report.page.map._MOST_PHOTOGRAPHS", 5)
    found = feature_map(project, tmp_path / "figures", PictureFolder(tmp_path / "images"))
    assert found is not None
    shown = [picture for *_, kind, _, picture in found.points if kind == 0]
    assert len(shown) == 12
    assert 4 <= sum(bool(picture) for picture in shown) <= 5
    assert all(picture for *_, kind, _, picture in found.points if kind > 0)


@pytest.mark.parametrize("hostile", ["../model/model.json", "/etc/hostname"])
def test_a_point_whose_picture_lies_outside_is_refused(project: Project, hostile: str) -> None:
    path = project.scores / "embedding.csv"
    write_csv(path, pd.read_csv(path).assign(image=hostile))
    with pytest.raises(ArtefactError, match="outside"):
        build_report(project, ReportParams())


def test_names_in_the_data_of_the_map_cannot_end_it(project: Project) -> None:
    path = project.scores / "embedding.csv"
    write_csv(path, pd.read_csv(path).assign(name="</script><script>alert(1)</script>"))
    page = build(project)
    assert page.tags.count("script") == 2
    assert "<script>alert(1)" not in page.text
