"""The map of features."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from helpers.report_page import PLAIN_CLASSES, build
from vital.artefacts.project import Project
from vital.errors import ArtefactError
from vital.params.report import ReportParams
from vital.report.page.build import build_report
from vital.report.page.classes import class_table
from vital.report.page.map import feature_map
from vital.report.page.pictures import PictureFolder
from vital.runtime.table_files import write_csv


def test_points_carry_their_kind_class_and_picture(compared: Project, tmp_path: Path) -> None:
    pictures = PictureFolder(tmp_path / "images")
    comparison = class_table(compared, 4, pictures)
    found = feature_map(compared, tmp_path / "figures", pictures)
    assert found is not None
    assert found.kinds == ["photograph", "vital", "activation", "maco"]
    assert [name for _, name, _ in found.classes] == list(PLAIN_CLASSES)
    tiles = {
        (method, row.name): {tile.picture.url for tile in cell.tiles}
        for row in comparison.rows
        for method, cell in zip(comparison.methods, row.cells, strict=True)
        if cell is not None
    }
    table = pd.read_csv(compared.scores / "embedding.csv")
    assert len(found.points) == len(table)
    for x, y, kind, place, picture in found.points:
        assert ((table["x"] - x).abs() + (table["y"] - y).abs()).min() <= 0.011
        if kind:
            assert picture in tiles[found.kinds[kind], PLAIN_CLASSES[place]]
        else:
            assert (tmp_path / picture).is_file()


def test_of_very_many_photographs_some_have_a_picture(
    compared: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vital.report.page.map._MOST_PHOTOGRAPHS", 5)
    found = feature_map(compared, tmp_path / "figures", PictureFolder(tmp_path / "images"))
    assert found is not None
    shown = [picture for *_, kind, _, picture in found.points if kind == 0]
    assert len(shown) == 12
    assert 4 <= sum(bool(picture) for picture in shown) <= 5
    assert all(picture for *_, kind, _, picture in found.points if kind > 0)


@pytest.mark.parametrize("hostile", ["../model/model.json", "/etc/hostname"])
def test_a_point_whose_picture_lies_outside_is_refused(compared: Project, hostile: str) -> None:
    path = compared.scores / "embedding.csv"
    write_csv(path, pd.read_csv(path).assign(image=hostile))
    with pytest.raises(ArtefactError, match="outside"):
        build_report(compared, ReportParams())


def test_names_in_the_data_of_the_map_cannot_end_it(compared: Project) -> None:
    path = compared.scores / "embedding.csv"
    write_csv(path, pd.read_csv(path).assign(name="</script><script>alert(1)</script>"))
    page = build(compared)
    assert page.tags.count("script") == 2
    assert "<script>alert(1)" not in page.text
