"""Where runs go, and stores that break."""

from __future__ import annotations

import time

import pytest

from helpers.tracked_project import HISTORY, Store, make_project
from vital.artefacts.project import Project
from vital.pipeline.tracking import stage_run
from vital.pipeline.tracking.store import tracking_uri


def test_an_experiment_in_a_copy_uses_the_store_around_it(project: Project) -> None:
    copy = make_project(project.root / ".dvc" / "tmp" / "exps" / "tmp123")
    assert tracking_uri(copy) == tracking_uri(project)
    with stage_run(copy, "prepare", {}):
        pass
    [child] = Store(project).children()
    assert child.info.artifact_uri.startswith(str(project.home / "mlartifacts"))
    assert not (copy.root / ".vital").exists()


def test_a_store_that_breaks_during_a_stage(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    with stage_run(project, "model", {}) as run:
        run.metrics({"before": 1.0})
        (project.root / "mlflow.db").write_bytes(b"no database" * 1000)
        started = time.monotonic()
        for step in range(20):
            run.metrics({"after": 1.0}, step=step)
            run.history(HISTORY)
    with stage_run(project, "score", {}) as later:
        assert not later.is_logging
    assert time.monotonic() - started < 10
    warnings = [
        entry for entry in caplog.records if entry.name.startswith("vital.pipeline.tracking")
    ]
    assert len(warnings) == 1
