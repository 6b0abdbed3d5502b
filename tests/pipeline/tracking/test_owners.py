"""Whose a run is, and whether that process still lives."""

from __future__ import annotations

import os
import socket

import pytest

from helpers.tracked_project import Store, write_params
from vital.artefacts.project import Project
from vital.pipeline.tracking import owners, stage_run


def test_abandoned_parents_of_other_states(project: Project) -> None:
    host, pid = socket.gethostname(), os.getpid()
    # This process's number, but of one that started long ago; and one on another machine.
    statuses = {f"{host}:{pid}:1.00": "KILLED", f"elsewhere:{pid}:1.00": "RUNNING"}
    for seed, owner in enumerate(statuses):
        write_params(project, seed=seed)
        with stage_run(project, "prepare", {}) as run:
            parent = Store(project).client.get_run(run.tags["mlflow.parentRunId"])
        Store(project).client.set_tag(parent.info.run_id, "vital.owner", owner)
    write_params(project, seed=5)
    with stage_run(project, "prepare", {}):
        pass
    parents = Store(project).parents()
    found = {run.data.tags["vital.owner"]: run.info.status for run in parents}
    assert found.items() >= statuses.items()


def test_the_pipelines_process_is_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    class Process:
        def __init__(self, *command: str) -> None:
            self.command = command

        def cmdline(self) -> tuple[str, ...]:
            return self.command

    assert owners._is_dvc(Process("python", "/x/.venv/bin/dvc", "repro"))
    assert owners._is_dvc(Process("python", "-m", "dvc", "repro"))
    assert owners._is_dvc(Process("python", "/x/site-packages/dvc/__main__.py", "queue"))
    assert not owners._is_dvc(Process("sh", "-c", "cd /x/.dvc/tmp && python -m stages.model"))
    assert not owners._is_dvc(Process("bash", "/home/dvc/work/run.sh"))


@pytest.mark.parametrize("owner", ["", "host", "a:b:c", f"{socket.gethostname()}:x:1.00"])
def test_what_is_no_owner_is_left_alone(owner: str) -> None:
    assert owners.owner_lives(owner)
