"""Parents and children, also those of processes that are gone."""

from __future__ import annotations

import os
import signal

import pytest

from helpers.tracked_project import Store, run_python, write_params
from vital.artefacts.project import Project
from vital.pipeline.tracking import stage_run
from vital.pipeline.tracking.experiment import Experiment

KILLED = """
import os, signal, sys
from pathlib import Path
from vital.artefacts.project import Project
from vital.pipeline.tracking import stage_run
with stage_run(Project(Path(sys.argv[1])), "visualize", {}):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_state_has_one_parent(project: Project) -> None:
    for stage in ("prepare", "model", "prepare"):
        with stage_run(project, stage, {}):
            pass
    store = Store(project)
    assert len(store.parents()) == 1
    assert sorted(run.info.run_name for run in store.children()) == ["model", "prepare", "prepare"]

    write_params(project, seed=1)
    with stage_run(project, "prepare", {}):
        pass
    assert len(store.parents()) == 2


def test_of_two_parents_made_at_once_the_oldest_wins(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage_run(project, "prepare", {}):
        pass
    find, blind = Experiment._oldest_parent, iter([True])
    monkeypatch.setattr(
        Experiment,
        "_oldest_parent",
        lambda self, state: None if next(blind, False) else find(self, state),
    )
    with stage_run(project, "model", {}):
        pass
    store = Store(project)
    [parent] = store.parents()
    assert {run.data.tags["mlflow.parentRunId"] for run in store.children()} == {parent.info.run_id}


def test_an_experiment_of_another_name(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    with stage_run(project, "model", {}):
        pass
    assert Store(project).client.get_experiment_by_name("mine") is not None


def test_the_runs_of_a_killed_process_are_ended(project: Project) -> None:
    done = run_python(KILLED, project.root)
    assert done.returncode == -signal.SIGKILL, done.stderr
    store = Store(project)
    assert {run.info.status for run in store.runs()} == {"RUNNING"}

    # The same state again: its parent is taken over.
    with stage_run(project, "visualize", {}):
        [parent] = store.parents()
        assert sorted(run.info.status for run in store.children()) == ["KILLED", "RUNNING"]
        assert parent.info.status == "RUNNING"
        assert parent.data.tags["vital.owner"].split(":")[1] == str(os.getpid())


def test_mlflow_is_told_to_stay_at_home(project: Project) -> None:
    with stage_run(project, "model", {}):
        pass
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == os.environ["DO_NOT_TRACK"] == "true"
