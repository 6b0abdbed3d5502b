"""The benchmark of ablations: its variants fit, its table and figure say what runs measured."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from experiments.ablations import (
    ABLATIONS,
    ROOT,
    WHOLE,
    ablation_table,
    draw_ablations,
    main,
    markdown,
    run_pipeline,
)
from helpers.commands import run_main
from helpers.report_artefacts import PATCHES, write_artefacts, write_inner_units
from vital.artefacts.project import Project
from vital.errors import ParamsError
from vital.pipeline.profiles import compose_profile
from vital.report.comparison import compare_runs
from vital.report.figures.style import WIDE_LIGHT
from vital.report.runs import Run, find_runs
from vital.runtime.files import read_json, write_json
from vital.runtime.table_files import read_parquet, write_parquet

CLASSES = ("cat", "dog")
UNITS = [("layer1", 3), ("layer2", 5)]


@pytest.mark.parametrize("name", ABLATIONS)
def test_every_ablation_changes_the_default_and_is_valid(name: str) -> None:
    plain, changed = (
        YAML(typ="safe").load(compose_profile(ROOT / "profiles", profile))
        for profile in ("photographs", f"photographs+{name}")
    )
    assert changed != plain
    assert (changed["data"], changed["model"]) == (plain["data"], plain["model"])
    weights = changed["visualize"]["tap_weights"] or {}
    assert set(weights) <= set(changed["extract"]["taps"])


def write_run(folder: Path, activations: tuple[float, float], frechet: float) -> Project:
    """A finished run whose two inner units, two images each, respond so to their images."""
    project = write_artefacts(folder, CLASSES, seeds=2)
    write_inner_units(project, UNITS, CLASSES)
    path = project.visualizations("vital") / "index.parquet"
    index = read_parquet(path)
    for (tap, channel), value in zip(UNITS, activations, strict=True):
        rows = (index["tap"] == tap) & (index["unit"] == channel)
        index.loc[rows, "activation"] = [value, value + 1]
    write_parquet(path, index)
    metrics = read_json(project.scores / "metrics.json")
    metrics["vital"]["frechet"] = frechet
    write_json(project.scores / "metrics.json", metrics)
    return project


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    write_run(tmp_path / "a", (4.5, 8.5), 10.0)
    write_run(tmp_path / "b", (6.5, 9.5), 12.5)
    return find_runs([tmp_path])


def test_the_table_holds_differences_to_the_whole_method(runs: list[Run]) -> None:
    table = ablation_table(runs).set_index(["ablation", "metric"])
    assert table.loc[("a", "frechet"), "value"] == 10.0
    assert pd.isna(table.loc[("a", "frechet"), "difference"])
    assert table.loc[("b", "frechet"), ["value", "difference"]].tolist() == [12.5, 2.5]
    compared = compare_runs(runs)
    own = compared[(compared["method"] == "vital") & (compared["metric"] == "accuracy_top1")]
    found = table.loc[("b", "accuracy_top1"), ["difference", "low", "high"]]
    assert found.tolist() == own[["difference", "low", "high"]].iloc[0].tolist()
    assert table.loc[("b", "accuracy_top1"), "n"] == len(CLASSES)


def test_units_are_ranked_among_their_patches(runs: list[Run]) -> None:
    """Patches score 9, 8, ... 4: 4.5 exceeds one of six of them, 5.5 two, 9.5 all."""
    table = ablation_table(runs).set_index(["ablation", "metric"])
    assert PATCHES == 6
    first = [(1 + 2) / 2, (5 + 6) / 2]  # of six, the mean of each unit's two images
    second = [(3 + 4) / 2, (6 + 6) / 2]
    assert table.loc[("a", "unit_percentile"), "value"] == pytest.approx(100 * sum(first) / 12)
    row = table.loc[("b", "unit_percentile")]
    each = sorted(100 * (one - other) / 6 for one, other in zip(second, first, strict=True))
    assert row["value"] == pytest.approx(100 * sum(second) / 12)
    assert row["difference"] == pytest.approx(sum(each) / 2)
    # Of four draws of two units, one is the first twice and one the second twice.
    assert [row["low"], row["high"]] == pytest.approx(each)
    assert row["n"] == 2


def test_markdown_has_a_row_per_run_and_marks_what_is_missing(runs: list[Run]) -> None:
    table = ablation_table(runs)
    lines = markdown(table).splitlines()
    assert lines[0].startswith("| ablation | ")
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| a", "| b"]
    assert "12.5 (+2.5)" in lines[3]
    gap = table[~((table["ablation"] == "b") & (table["metric"] == "unit_percentile"))]
    assert " - |" in markdown(gap).splitlines()[3]


def test_the_figure_has_a_panel_per_metric_and_a_point_per_ablation(runs: list[Run]) -> None:
    table = ablation_table(runs)
    panels = [axes for axes in draw_ablations(table)(WIDE_LIGHT).axes if axes.axison]
    found = {axes.get_title(loc="left"): axes.lines[-1].get_xdata() for axes in panels}
    assert set(found) == set(table["metric"])
    assert list(found["frechet"]) == [2.5]


def test_a_folder_with_other_parameters_is_not_run_over(tmp_path: Path) -> None:
    write_artefacts(tmp_path / WHOLE, CLASSES, seeds=1)
    with pytest.raises(ParamsError, match="other parameters"):
        run_pipeline(tmp_path, WHOLE, "seed: 1\n")


def test_an_unknown_ablation_names_the_nearest() -> None:
    done = run_main(main, "--only", "matching_mdm")
    assert done.exit_code == 2
    assert "matching_mmd" in done.output
