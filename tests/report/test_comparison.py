"""Differences between runs against a slow definition, and images side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from helpers.finished_runs import write_run
from vital.errors import ParamsError
from vital.report.comparison import class_means, compare_runs, draw_comparison
from vital.report.figures.style import WIDE_LIGHT
from vital.report.runs import Run, find_runs
from vital.runtime.files import read_json, write_json
from vital.runtime.seeds import derive_seed
from vital.runtime.table_files import write_parquet


def open_runs(folder: Path) -> list[Run]:
    return find_runs([folder / "first", folder / "second"])


def test_differences_are_paired_by_the_names_of_classes(tmp_path: Path) -> None:
    first = {"cat": [0.1, 0.3], "dog": [0.5, 0.7], "car": [0.2, 0.2], "bee": [0.0, 0.4]}
    second = {"owl": [0.9, 0.9], "bee": [0.8, 0.6], "dog": [0.4, 0.4], "cat": [0.9, 0.5]}
    write_run(tmp_path / "first", first, {"probability": 0.3})
    write_run(tmp_path / "second", second, {"probability": 0.675})
    (row,) = compare_runs(open_runs(tmp_path)).to_dict("records")
    assert (row["run"], row["against"]) == ("second", "first")
    assert (row["value"], row["reference"]) == (0.675, 0.3)
    shared = ["bee", "cat", "dog"]
    each = np.array([np.mean(second[name]) - np.mean(first[name]) for name in shared])
    assert row["difference"] == pytest.approx(each.mean())
    assert row["n_classes"] == 3
    # With replacement, three of three classes: all 27 draws are as likely as each other.
    draws = [each[[i, j, k]].mean() for i in range(3) for j in range(3) for k in range(3)]
    low, high = np.quantile(np.repeat(draws, 1000), [0.025, 0.975])
    assert (row["low"], row["high"]) == pytest.approx((low, high))


def test_the_interval_is_the_bootstraps_with_the_first_runs_seed(tmp_path: Path) -> None:
    names = [f"class {i}" for i in range(8)]
    values = np.random.default_rng(1).uniform(size=(2, 8, 2))
    for folder, rows in zip(("first", "second"), values, strict=True):
        given = dict(zip(names, rows.tolist(), strict=True))
        write_run(tmp_path / folder, given, {"probability": float(rows.mean())})
    (row,) = compare_runs(open_runs(tmp_path), resamples=500, confidence=0.8).to_dict("records")
    each = (values[1] - values[0]).mean(axis=1)
    draws = np.random.default_rng(derive_seed(0, "compare", "bootstrap"))
    means = [draws.multinomial(8, [1 / 8] * 8) @ each / 8 for _ in range(500)]
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(means, [0.1, 0.9])))


def test_without_values_of_classes_a_difference_has_no_interval(tmp_path: Path) -> None:
    for folder, frechet in (("first", 12.5), ("second", 10.0)):
        values = {"cat": [0.5, 0.5], "dog": [0.5, 0.5]}
        write_run(
            tmp_path / folder,
            values,
            {"frechet": frechet, "kid": None, "kid_std": 0.5, "only": 1.0},
        )
    scores = tmp_path / "second" / "data" / "scores"
    found = {"vital": {**read_json(scores / "metrics.json")["vital"]}}
    del found["vital"]["only"]
    write_json(scores / "metrics.json", found)
    table = compare_runs(open_runs(tmp_path)).set_index("metric")
    assert list(table.index) == ["frechet", "kid"]  # and neither n nor what one run lacks
    assert table.loc["frechet", "difference"] == -2.5
    assert table.loc["frechet", "n_classes"] == 0
    assert table[["low", "high"]].isna().all(axis=None)
    assert np.isnan(table.loc["kid", "difference"])


def test_classes_of_one_name_are_told_apart_by_their_order(tmp_path: Path) -> None:
    project = write_run(tmp_path / "first", {"crane": [0.1, 0.3], "dog": [0.5, 0.7]}, {})
    rows = pd.DataFrame({"name": "crane", "unit": [9, 4, 4], "probability": [1.0, 0.2, 0.4]})
    rows = rows.assign(method="vital", tap="class", seed=[0, 0, 1], predicted_name="crane")
    write_parquet(project.scores / "targets.parquet", rows)
    (run,) = find_runs([tmp_path / "first"])
    means = class_means(run, "vital", "probability")
    assert means is not None
    assert means.to_dict() == pytest.approx({("crane", 0): 0.3, ("crane", 1): 1.0})


def test_one_run_is_too_few(tmp_path: Path) -> None:
    write_run(tmp_path / "first", {"cat": [0.5, 0.5]}, {})
    with pytest.raises(ParamsError, match="at least two runs; 1 "):
        compare_runs(find_runs([tmp_path / "first"]))


def test_images_stand_in_the_row_of_their_class_and_the_column_of_their_run(tmp_path: Path) -> None:
    """Each cell has the colour of its image; a class that a run lacks leaves its cell white."""
    colours = {"cat": (250, 0, 0), "dog": (0, 0, 250)}
    for folder, classes in (("first", ("cat", "dog")), ("second", ("dog", "owl"))):
        project = write_run(tmp_path / folder, {name: [0.5, 0.5] for name in classes}, {})
        for unit, name in enumerate(classes):
            path = project.visualizations("vital") / f"images/class-{unit:04d}-seed-0.png"
            Image.new("RGB", (24, 24), colours.get(name, (0, 250, 0))).save(path)
    runs = open_runs(tmp_path)
    figure = draw_comparison(runs, "vital", runs[0].pick_classes())(WIDE_LIGHT)
    (canvas,) = figure.axes
    places = {
        (round(float(x[0]), 1), round(float(y[0]), 1)): tuple(image.get_array()[0, 0])
        for image in canvas.images
        for x, y in [(image.get_extent()[:2], image.get_extent()[2:])]
    }
    columns, rows = sorted({x for x, _ in places}), sorted({y for _, y in places}, reverse=True)
    assert len(columns) == len(rows) == 2
    assert places == {
        (columns[0], rows[0]): colours["cat"],
        (columns[0], rows[1]): colours["dog"],
        (columns[1], rows[1]): colours["dog"],
    }
    shown = {text.get_text() for text in canvas.texts}
    assert shown == {"cat", "dog", "first", "second"}
    with pytest.raises(ParamsError, match="no images by method 'maco'"):
        draw_comparison(runs, "maco", [])
