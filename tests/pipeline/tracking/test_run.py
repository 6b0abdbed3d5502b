"""What a run takes, and what it leaves out."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest

from helpers.tracked_project import HISTORY, Store, write_picture
from vital.artefacts.project import Project
from vital.pipeline.tracking import stage_run


def test_a_stage_is_a_child_with_all_that_it_logs(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_STAGE", "visualize@vital")
    monkeypatch.setenv("DVC_EXP_NAME", "brave-name")
    write_picture(project.root / "a.png")
    table = HISTORY[["step", "method", "loss"]].iloc[:2]
    params = {
        "visualize": {"steps": 3, "taps": ["a", "b"], "note": "x" * 7000, "none": None, "no": ""}
    }
    with stage_run(project, "visualize", params) as run:
        run.metrics({"kid": 0.25, "a/b@c": 1, "none": None, "nan": float("nan")})
        run.metrics({"kid": 0.5}, step=3)
        run.history(table)
        run.image(project.root / "a.png", "vital-fc/0")
        run.table(table, "losses")
        run.file(project.params, "settings")
        run.dataset("images", Path("data/images"), "0" * 32 + ".dir", "reference")

    store = Store(project)
    [parent], [child] = store.parents(), store.children()
    tags, this = child.data.tags, psutil.Process()
    assert (parent.info.status, child.info.status) == ("RUNNING", "FINISHED")
    assert tags["mlflow.parentRunId"] == parent.info.run_id
    assert tags["mlflow.runName"] == tags["vital.stage"] == "visualize"
    assert tags["vital.pipeline"] == parent.data.tags["vital.pipeline"]
    assert (tags["dvc.stage"], tags["dvc.exp"]) == ("visualize@vital", "brave-name")
    assert tags["vital.owner"].startswith(f"{socket.gethostname()}:{this.pid}:")
    assert "git.rev" not in tags
    assert child.data.params == {
        "visualize.steps": "3",
        "visualize.taps": '["a", "b"]',
        "visualize.note": "x" * 6000,
        "visualize.none": "null",
        "visualize.no": "",
    }
    assert child.data.metrics == {"kid": 0.5, "a_b_c": 1.0, "loss": 2.0}
    assert store.curve(child, "loss") == [(0, 4.0), (10, 2.0)]
    assert store.image_keys(child) == ["vital-fc_0"]
    assert store.table(child, "losses")["step"].tolist() == [0, 10]
    assert store.files(child, "settings") == ["settings/params.yaml"]
    [used] = child.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("images", "0" * 32 + ".dir")
    assert [tag.value for tag in used.tags] == ["reference"]
    assert child.info.artifact_uri.startswith(str(project.home / "mlartifacts"))


def test_more_points_and_parameters_than_one_request_takes(project: Project) -> None:
    table = pd.DataFrame({"at": range(1200), "loss": np.linspace(1, 0, 1200)})
    with stage_run(project, "model", {"model": {f"p{i}": i for i in range(150)}}) as run:
        run.history(table, step="at")
    [child] = Store(project).children()
    assert len(child.data.params) == 150
    assert len(Store(project).curve(child, "loss")) == 1200


def test_pictures_that_cannot_be_read_cost_a_line_only(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    (project.root / "damaged.png").write_bytes(b"no picture")
    with stage_run(project, "model", {}) as run:
        run.image(project.root / "missing.png", "missing")
        run.image(project.root / "damaged.png", "damaged")
        run.file(project.root / "missing.txt")
        run.metrics({"after": 1})
    [child] = Store(project).children()
    assert child.data.metrics == {"after": 1}
    assert len([entry for entry in caplog.records if entry.levelno == logging.WARNING]) == 2
