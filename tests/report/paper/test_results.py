"""The paper's table holds what artefacts and the paper say."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from helpers.finished_runs import RESNET, scored_runs
from vital.report.paper.results import COLUMNS, results_table
from vital.report.runs import Run


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    return scored_runs(tmp_path)


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
