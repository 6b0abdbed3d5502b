from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from helpers.report_artefacts import write_artefacts
from helpers.report_page import CLASSES, build
from vital.artefacts.project import Project
from vital.report.page.metric_texts import OWN, TEXTS, described, in_order
from vital.report.page.scores import difference_table, score_table
from vital.report.run_files import read_scores
from vital.runtime.files import write_json
from vital.runtime.table_files import write_parquet

COLUMNS = ["metric", "method", "against", "difference", "low", "high", "n_classes"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def numbers(project: Project, metric: str) -> list[tuple[str | None, str]]:
    table = score_table(project, read_scores(project))
    assert table is not None
    rows = {found.key: row for _, group in table.groups for found, row in group}
    return [(number.text, number.interval) for number in rows[metric]]


def test_an_interval_stands_beside_its_value(project: Project) -> None:
    scores = {"vital": {"accuracy_top1": 0.625}, "maco": {"accuracy_top1": 0.25}}
    write_json(project.scores / "metrics.json", scores)
    assert numbers(project, "accuracy_top1") == [("62.5\u202f%", ""), ("25.0\u202f%", "")]
    interval = {"metric": ["accuracy_top1"], "method": ["maco"], "low": [0.125], "high": [0.375]}
    write_parquet(project.scores / "intervals.parquet", pd.DataFrame(interval))
    assert numbers(project, "accuracy_top1") == [
        ("62.5\u202f%", ""),
        ("25.0\u202f%", "12.5 to 37.5"),
    ]


def test_an_interval_without_bounds_is_left_out(project: Project) -> None:
    write_json(project.scores / "metrics.json", {"vital": {"diversity": 3.0}})
    row = {"metric": ["diversity"], "method": ["vital"], "low": [None], "high": [None]}
    table = pd.DataFrame(row).astype({"low": float, "high": float})
    write_parquet(project.scores / "intervals.parquet", table)
    assert numbers(project, "diversity") == [("3", "")]


def test_methods_stand_in_the_order_of_the_page(project: Project) -> None:
    scores = {name: {"n": 1} for name in ("real", "maco", "activation", "vital")}
    write_json(project.scores / "metrics.json", scores)
    table = score_table(project, scores)
    assert table is not None and table.ends_with_real
    assert table.columns == ["vital", "activation", "maco", "real photographs"]


def test_the_reason_of_an_unknown_metric_is_told(tmp_path: Path, few_figures: None) -> None:
    project = write_artefacts(tmp_path, CLASSES[:2], seeds=1)
    write_json(project.scores / "metrics.json", {"vital": {"fid": None}})
    write_json(project.scores / "reasons.json", {"vital": {"fid": 'no "weights" <here>'}})
    page = build(project)
    assert "could not be computed: no &#34;weights&#34; &lt;here&gt;" in page.text


@pytest.mark.parametrize(
    ("metric", "difference", "low", "high", "text", "interval", "verdict"),
    [
        ("accuracy_top1", 0.1, 0.05, 0.15, "+10.0", "+5.0 to +15.0", "better"),
        ("accuracy_top1", -0.1, -0.15, -0.0001, "−10.0", "−15.0 to −0.0", "worse"),  # noqa: RUF001
        ("accuracy_top1", 0.1, 0.0, 0.2, "+10.0", "0.0 to +20.0", ""),
        ("centroid_distance", -0.5, -0.75, -0.25, "−0.5", "−0.75 to −0.25", "better"),  # noqa: RUF001
        ("centroid_distance", 0.5, -0.1, 1.1, "+0.5", "−0.1 to +1.1", ""),  # noqa: RUF001
        ("transfer_net_accuracy_top1", 0.1, 0.05, 0.15, "+10.0", "+5.0 to +15.0", "better"),
        ("diversity", 1.0, 0.5, 1.5, "+1", "+0.5 to +1.5", ""),
        ("kid", 0.0, None, None, "0", "", ""),
    ],
)
def test_a_difference_is_judged_only_where_its_interval_leaves_out_zero(
    project: Project, metric: str, difference: float, low: float, high: float, text: str,
    interval: str, verdict: str,
) -> None:  # fmt: skip
    row = [metric, "vital", "maco", difference, low, high, 9]
    table = pd.DataFrame([row], columns=COLUMNS).astype({"low": float, "high": float})
    write_parquet(project.scores / "differences.parquet", table)
    shown = difference_table(project)
    assert shown is not None
    [(_, [(_, [number])])] = shown.groups
    assert (number.text, number.interval, number.verdict) == (text, interval, verdict)


def test_a_pair_that_lacks_a_metric_has_a_blank(project: Project) -> None:
    rows = [
        ["accuracy_top1", "vital", "real", 0.1, 0.0, 0.2, 9],
        ["accuracy_top1", "vital", "maco", 0.1, 0.0, 0.2, 9],
        ["diversity", "vital", "maco", 0.1, 0.0, 0.2, 9],
    ]
    write_parquet(project.scores / "differences.parquet", pd.DataFrame(rows, columns=COLUMNS))
    table = difference_table(project)
    assert table is not None
    assert table.columns == ["vital − maco", "vital − real"]  # noqa: RUF001
    cells = {
        metric.key: [one.text for one in row] for _, rows in table.groups for metric, row in rows
    }
    assert cells == {"accuracy_top1": ["+10.0", "+10.0"], "diversity": ["+0.1", None]}


def test_no_table_of_differences_without_any(project: Project) -> None:
    assert difference_table(project) is None


# What metrics are called


def test_a_judges_metric_is_described_as_the_networks_own() -> None:
    judged = described("transfer_timm/resnet_18_accuracy_top5")
    assert judged.label == described("accuracy_top5").label
    assert judged.group == "In timm/resnet_18, which no method optimised"
    assert judged.is_share and judged.better == "higher"
    assert described("transfer_a_top1").label == "Top-1"
    assert described("novel").label == "novel"


def test_metrics_go_from_the_network_to_judges_to_others_and_counts() -> None:
    keys = ["n", "novel", "fid", "cmmd", "transfer_b_kid", "transfer_a_kid", "kid"]
    keys += ["transfer_a_accuracy_top1", "accuracy_top1"]
    assert [metric.key for metric in in_order(keys)] == [
        "accuracy_top1", "kid", "transfer_a_accuracy_top1", "transfer_a_kid", "transfer_b_kid",
        "cmmd", "fid", "novel", "n",
    ]  # fmt: skip


def test_every_known_metric_says_what_it_means() -> None:
    assert all(metric.meaning for metric in TEXTS)
    assert TEXTS[0].group == OWN
