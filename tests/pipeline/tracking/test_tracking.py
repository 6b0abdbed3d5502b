"""A stage is a run, a finished pipeline is a run, and the next run catches up."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from helpers.tracked_project import (
    PARAMS,
    Store,
    begin_pipeline,
    log_six_stages,
    make_project,
    write_params,
    write_results,
)
from vital.artefacts.project import Project
from vital.pipeline.tracking import complete_parent, is_complete, stage_run
from vital.runtime.files import write_json


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ZeroDivisionError("mine"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (SystemExit(128 + signal.SIGTERM), "KILLED"),
        (SystemExit("model: cannot be read"), "FAILED"),
        (SystemExit(0), "FINISHED"),
        (StopIteration(), "FAILED"),
    ],
)
def test_a_run_ends_as_its_stage_does(project: Project, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)) as raised, stage_run(project, "model", {}):
        raise error
    assert raised.value is error
    [parent], [child] = Store(project).parents(), Store(project).children()
    assert child.info.status == status
    assert parent.info.status == ("RUNNING" if status == "FINISHED" else status)


def test_a_failed_pipeline_goes_on_in_its_parent(project: Project) -> None:
    with pytest.raises(ValueError), stage_run(project, "model", {}):
        raise ValueError
    with stage_run(project, "model", {}):
        pass
    [parent] = Store(project).parents()
    assert parent.info.status == "RUNNING"


def test_a_stage_fails_as_ever_while_the_server_is_away(
    project: Project, closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", closed_port)
    with pytest.raises(ZeroDivisionError), stage_run(project, "model", {}):
        raise ZeroDivisionError


def test_what_makes_a_state_complete(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_complete(project)
    complete_parent(project)
    assert is_complete(project)

    write_params(project, seed=1)
    assert not is_complete(project)
    write_params(project)
    write_json(project.inputs / "prepare.json", {"code": "changed"})
    assert not is_complete(project)
    shutil.rmtree(project.inputs)
    # What stages make follows from the rest.
    write_results(project)
    assert is_complete(project)

    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
        assert not is_complete(project)
    with stage_run(project, "prepare", {}):
        pass
    assert not is_complete(project)


def test_with_stages_logged_the_parent_shows_the_same(
    project: Project, tmp_path: Path, empty_store: Path
) -> None:
    other = make_project(tmp_path / "other")
    shutil.copy(empty_store, other.root / "mlflow.db")
    for each in (project, other):
        write_results(each)
    with stage_run(project, "visualize", {"visualize": PARAMS["visualize"]}) as run:
        run.metrics({"loss": 1.0})
    for each in (project, other):
        complete_parent(each)
    stores = [Store(project), Store(other)]
    logged, from_files = (store.shown(store.parents()[0]) for store in stores)
    assert logged == from_files


def test_the_next_run_catches_up(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(project)
    store, hidden = project.root / "mlflow.db", project.root / "hidden.db"
    store.rename(hidden)
    store.mkdir()  # cannot be opened
    assert log_six_stages(project, monkeypatch) < 8
    complete_parent(project)
    assert not is_complete(project)

    store.rmdir()
    hidden.rename(store)
    begin_pipeline(monkeypatch, 1)
    complete_parent(project)
    assert is_complete(project)
    [parent] = Store(project).runs()
    assert parent.data.metrics["vital.accuracy_top1"] == 0.5
    assert len(Store(project).image_keys(parent)) == 3
