"""Which state of the pipeline it is."""

from __future__ import annotations

import subprocess

import pytest

from helpers.tracked_project import PIPELINE, Store
from vital.artefacts.project import Project
from vital.pipeline.tracking import complete_parent, is_complete, stage_run


def test_a_repository_is_named(project: Project) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(project.root), *identity, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    git("add", "params.yaml", "dvc.yaml", "prepare.py")
    git("commit", "-q", "-m", "first")
    with stage_run(project, "prepare", {}):
        pass
    (project.root / "dvc.yaml").write_text(PIPELINE + "\n")
    with stage_run(project, "model", {}):
        pass
    store = Store(project)
    tags = {run.info.run_name: run.data.tags for run in store.children()}
    assert len(store.parents()) == 1
    assert tags["prepare"]["git.rev"] == git("rev-parse", "HEAD")
    assert tags["prepare"]["mlflow.source.git.commit"] == git("rev-parse", "HEAD")
    assert (tags["prepare"]["git.dirty"], tags["model"]["git.dirty"]) == ("false", "true")

    git("commit", "-q", "-a", "-m", "second")
    with stage_run(project, "prepare", {}):
        pass
    assert len(store.parents()) == 2


def test_without_git(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project.root))
    complete_parent(project)
    assert is_complete(project)
