"""Servers that are away cost a second and a line, and no MLflow is loaded."""

from __future__ import annotations

import logging

import pytest

from helpers.tracked_project import begin_pipeline, log_six_stages, run_python
from vital.artefacts.project import Project
from vital.pipeline.tracking import complete_parent, is_complete, probe

AWAY = """
import logging, sys, time
from pathlib import Path
logging.basicConfig(level=logging.WARNING)
from vital.artefacts.project import Project
from vital.pipeline.tracking import complete_parent, is_complete, stage_run
project = Project(Path(sys.argv[1]))
started = time.monotonic()
with stage_run(project, "model", {"model": {}}) as run:
    run.metrics({"loss": 1.0})
complete_parent(project)
assert not is_complete(project)
assert "mlflow" not in sys.modules
print(time.monotonic() - started)
"""


@pytest.mark.parametrize("kind", ["closed_port", "silent_server"])
def test_a_server_that_is_away(
    project: Project,
    kind: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    uri = request.getfixturevalue(kind)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert log_six_stages(project, monkeypatch) < 8
    complete_parent(project)
    assert not is_complete(project)
    warnings = [entry.message for entry in caplog.records if entry.levelno == logging.WARNING]
    assert len(warnings) == 1
    address = uri.rpartition("@")[2].removeprefix("http://")
    for line in warnings:
        assert f"MLflow at http://{address} " in line
        assert "in the files" in line and "next run" in line
        assert "secret" not in line


def test_a_stage_whose_server_is_away_does_not_even_load_mlflow(
    project: Project, silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", silent_server)
    done = run_python(AWAY, project.root)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 5
    assert done.stderr.count("\n") == 1


def test_another_pipeline_asks_the_server_again(
    project: Project, closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(probe, "_ask_server", lambda uri: asked.append(uri) or 1 / 0)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", closed_port)
    log_six_stages(project, monkeypatch)
    assert len(asked) == 1
    begin_pipeline(monkeypatch, 1)
    log_six_stages(project, monkeypatch)
    assert len(asked) == 2
