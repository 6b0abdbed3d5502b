from __future__ import annotations

import pandas as pd

from helpers.report_page import METHODS, PLAIN_CLASSES, build, change
from vital.artefacts.project import Project
from vital.report.page.classes import ClassTable, class_table
from vital.report.page.pictures import PictureFolder
from vital.runtime.table_files import write_parquet


def values(comparison: ClassTable, method: str, label: str) -> list[float | None]:
    place = next(
        place
        for place, found in comparison.measures[comparison.methods.index(method)]
        if found == label
    )
    return [row.values[place] for row in comparison.rows]


def test_the_studied_method_comes_first_and_its_peers_by_name(
    compared: Project, pictures: PictureFolder
) -> None:
    comparison = class_table(compared, 4, pictures)
    assert comparison.methods == ["vital", "activation", "maco"]
    assert [row.name for row in comparison.rows] == list(PLAIN_CLASSES)
    assert all(len(row.cells) == 3 for row in comparison.rows)
    assert comparison.images == 3 * 3 * 2


def test_a_folder_without_an_index_is_no_method(compared: Project, pictures: PictureFolder) -> None:
    (compared.visualizations("unfinished") / "images").mkdir(parents=True)
    assert "unfinished" not in class_table(compared, 4, pictures).methods


def test_a_class_that_a_method_left_out_has_an_empty_cell(
    compared: Project, pictures: PictureFolder
) -> None:
    path = compared.visualizations("maco") / "index.parquet"
    index = pd.read_parquet(path)
    write_parquet(path, index[index["unit"] != 1])
    comparison = class_table(compared, 4, pictures)
    assert [row.cells[2] is None for row in comparison.rows] == [False, True, False]
    assert values(comparison, "maco", "Probability") == [0.987, None, 0.987]
    assert "none" in build(compared).words


def test_values_are_means_over_seeds_of_the_method_itself(
    compared: Project, pictures: PictureFolder
) -> None:
    path = compared.visualizations("activation") / "index.parquet"
    index = pd.read_parquet(path)
    change(path, probability=0.1 * index["unit"] + 0.5 * index["seed"])
    path = compared.scores / "targets.parquet"
    targets = pd.read_parquet(path)
    half = (targets["method"] == "maco") & (targets["unit"] == 1) & (targets["seed"] == 0)
    change(path, top1=targets["top1"] | half)
    comparison = class_table(compared, 4, pictures)
    assert values(comparison, "activation", "Probability") == [0.25, 0.35, 0.45]
    assert values(comparison, "vital", "Probability") == [0.987] * 3
    assert values(comparison, "maco", "Top-1") == [1.0, 0.5, 0.0]
    assert values(comparison, "vital", "Top-1") == [1.0, 0.0, 0.0]
    assert values(comparison, "maco", "Centroid distance") == [1.0, 2.0, 3.0]
    assert values(comparison, "activation", "Centroid distance") == [21.0, 22.0, 23.0]


def test_whatever_was_asked_of_each_image_can_be_sorted_by(
    compared: Project, pictures: PictureFolder
) -> None:
    change(compared.scores / "targets.parquet", transfer_other_accuracy_top1=True, knn=3)
    comparison = class_table(compared, 4, pictures)
    label = "Top-1 (In other, which no method optimised)"
    assert values(comparison, "vital", label) == [1.0, 1.0, 1.0]
    assert "knn" not in [found for _, found in comparison.measures[0]]


def test_a_row_knows_the_columns_in_which_another_class_was_seen(
    compared: Project, pictures: PictureFolder
) -> None:
    path = compared.scores / "targets.parquet"
    targets = pd.read_parquet(path)
    is_right = (targets["method"] != "maco") | (targets["seed"] == 0) | (targets["unit"] == 0)
    change(path, top1=is_right)
    comparison = class_table(compared, 4, pictures)
    assert [row.misread for row in comparison.rows] == [[], [2], [2]]
    cell = comparison.rows[1].cells[2]
    assert cell is not None
    assert (cell.recognised, cell.scored, cell.read_as) == (1, 2, ["brick"])
    assert [tile.is_misread for tile in cell.tiles] == [False, True]


def test_without_scores_and_probabilities_rows_are_shown_all_the_same(
    compared: Project, pictures: PictureFolder
) -> None:
    (compared.scores / "targets.parquet").unlink()
    for method in METHODS:
        path = compared.visualizations(method) / "index.parquet"
        write_parquet(path, pd.read_parquet(path).drop(columns="probability"))
    comparison = class_table(compared, 4, pictures)
    assert comparison.images == 18
    assert {value for row in comparison.rows for value in row.values} == {None}
    assert "nan" not in build(compared).words.lower().split()


def test_a_method_that_is_named_otherwise_in_its_table_goes_by_its_folder(
    compared: Project, pictures: PictureFolder
) -> None:
    change(compared.visualizations("maco") / "index.parquet", method="../../elsewhere")
    assert class_table(compared, 4, pictures).methods == ["vital", "activation", "maco"]
