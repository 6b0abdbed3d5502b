"""The parent run from files."""

from __future__ import annotations

import datetime
import json
import logging

import numpy as np
import pandas as pd
import pytest

from helpers.tracked_project import HISTORY, Store, write_params, write_picture, write_results
from vital.artefacts.project import Project
from vital.pipeline.tracking import complete_parent
from vital.runtime.files import read_json, write_json
from vital.runtime.table_files import read_parquet, write_csv, write_parquet


def test_the_parent_from_files(project: Project) -> None:
    write_results(project)
    complete_parent(project)

    store = Store(project)
    [parent] = store.runs()
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics == {
        "vital.accuracy_top1": 0.5,
        "vital.n": 2.0,
        "real.accuracy_top1": 1.0,
        "model.accuracy_top1": 0.9,
        "seconds.visualize": 12.5,
        "vital.loss": 1.5,
        "vital.loss_layer1": 2.0,
    }
    assert store.curve(parent, "vital.loss") == [(0, 3.0), (10, 1.5)]
    shown = {"model.train.steps": "5", "visualize.tap_weights": "{}"}
    assert parent.data.params.items() >= shown.items()
    assert store.image_keys(parent) == ["figure-embedding", "vital-fc_0-0-0", "vital-fc_0-1-0"]
    wanted = {"params.yaml", "index.html", "dvc.lock", "metrics.json", "targets.json"}
    assert wanted <= set(store.files(parent))
    [used] = parent.inputs.dataset_inputs
    assert used.dataset.digest == "5c6265bcb29bb3ad585be4efb1bd9225.dir"
    table = store.table(parent, "metrics")
    assert table["method"].tolist() == ["vital", "real"]


def test_inner_units_have_pictures_and_curves_of_their_own(project: Project) -> None:
    write_results(project)
    inner = HISTORY.assign(target="layer3.1/17/0", loss=1e6, loss_layer1=8.0)
    write_csv(project.scores / "history.csv", pd.concat([HISTORY, inner]))
    folder = project.visualizations("vital")
    row = {"method": "vital", "tap": "layer3.1", "unit": 17, "seed": 1, "probability": np.nan}
    row |= {"image": "images/inner.png", "transparent": "transparent/inner.png"}
    classes = read_parquet(folder / "index.parquet").assign(transparent=None, probability=0.5)
    write_picture(folder / row["image"])
    write_picture(folder / row["transparent"])
    write_parquet(folder / "index.parquet", pd.concat([classes, pd.DataFrame([row])]))
    complete_parent(project)

    store = Store(project)
    [parent] = store.runs()
    inner_keys = ["vital-layer3.1-17-1", "vital-layer3.1-17-1-transparent"]
    shown = ["figure-embedding", "vital-fc_0-0-0", "vital-fc_0-1-0", *inner_keys]
    assert store.image_keys(parent) == shown
    assert parent.data.metrics["vital.loss"] == 1.5
    assert parent.data.metrics["vital.inner.loss"] == 1e6
    assert parent.data.metrics["vital.inner.loss_layer1"] == 8.0
    assert not any(np.isnan(value) for value in parent.data.metrics.values())
    assert not any("probability" in name for name in parent.data.metrics)


def test_judges_and_intervals_are_shown(project: Project) -> None:
    write_results(project)
    write_json(project.judges / "metrics.json", {"twin": {"accuracy_top1": 0.75}})
    for name in ("intervals", "differences"):
        write_parquet(project.scores / f"{name}.parquet", pd.DataFrame({"metric": [name]}))
    complete_parent(project)
    store = Store(project)
    [parent] = store.runs()
    assert parent.data.metrics["judges.twin.accuracy_top1"] == 0.75
    for name in ("intervals", "differences"):
        assert store.table(parent, name)["metric"].tolist() == [name]


def test_a_picture_outside_of_its_folder_is_left_out(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    write_results(project)
    index = project.visualizations("vital") / "index.parquet"
    write_parquet(index, read_parquet(index).assign(image="../../../secret.png"))
    write_picture(project.root / "secret.png")
    complete_parent(project)
    store = Store(project)
    [parent] = store.runs()
    assert store.image_keys(parent) == ["figure-embedding"]
    assert "lies outside" in caplog.text


def test_completing_twice_changes_nothing(project: Project) -> None:
    write_results(project)
    complete_parent(project)
    store = Store(project)
    before = store.shown(store.parents()[0])
    complete_parent(project)
    [parent] = store.runs()
    assert store.shown(parent) == before
    assert parent.info.status == "FINISHED"


def test_completing_goes_on_after_it_was_cut_short(project: Project) -> None:
    write_results(project)
    complete_parent(project)
    store = Store(project)
    [parent] = store.parents()
    before = store.shown(parent)
    store.client.set_tag(parent.info.run_id, "vital.completed", "{}")
    complete_parent(project)
    [parent] = store.parents()
    _, curves, images, files = store.shown(parent)
    assert (images, files) == before[2:]
    assert curves["vital.loss"] == before[1]["vital.loss"]
    assert len(store.table(parent, "metrics")) == 2


def test_only_what_changed_is_logged_again(project: Project) -> None:
    write_results(project)
    complete_parent(project)
    scores = read_json(project.scores / "metrics.json")
    scores["vital"]["accuracy_top1"] = 0.75
    write_json(project.scores / "metrics.json", scores)
    complete_parent(project)
    store = Store(project)
    [parent] = store.parents()
    assert parent.data.metrics["vital.accuracy_top1"] == 0.75
    assert len(store.image_keys(parent)) == 3
    table = store.table(parent, "metrics")
    assert table["accuracy_top1"].tolist() == [0.75, 1.0]


def test_missing_and_damaged_files_are_left_out(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write_results(project)
    (project.scores / "metrics.json").write_text("{")
    (project.scores / "targets.parquet").write_bytes(b"?")
    (project.scores / "history.csv").unlink()
    complete_parent(project)
    [parent] = Store(project).parents()
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics == {"model.accuracy_top1": 0.9, "seconds.visualize": 12.5}
    for name in ("metrics.json", "targets.parquet", "history.csv"):
        assert name in caplog.text


def test_a_project_without_results(project: Project) -> None:
    write_params(project, data={"since": datetime.date(2020, 1, 2)})
    complete_parent(project)
    [parent] = Store(project).parents()
    assert parent.info.status == "FINISHED"
    assert parent.data.params.items() >= {"seed": "0", "data.since": '"2020-01-02"'}.items()


def test_completed_parts_fit_into_a_tag(project: Project) -> None:
    write_results(project)
    complete_parent(project)
    [parent] = Store(project).parents()
    assert len(json.loads(parent.data.tags["vital.completed"])) == 10
