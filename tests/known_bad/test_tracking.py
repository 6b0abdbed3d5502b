"""MLflow's store may be anything but well: a warning per pipeline, and the next run catches up."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from helpers.bad_servers import (
    FAILED,
    HEALTHY,
    NO_JSON,
    STRANGE,
    Answer,
    bad_server,
    hangs,
    says,
    trickles,
)
from helpers.messages import one_line
from helpers.tracked_project import (
    Store,
    begin_pipeline,
    forget_settings,
    log_six_stages,
    make_project,
    write_results,
)
from vital.artefacts.project import Project
from vital.pipeline.tracking import complete_parent, is_complete, patience, stage_run

PATIENCE = 2.5
"""Less than :func:`trickles` takes; more than a laden machine takes for an answer."""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_settings(monkeypatch)
    monkeypatch.setattr(patience, "PATIENCE", PATIENCE)


@pytest.fixture
def project(tmp_path: Path, empty_store: Path) -> Project:
    made = make_project(tmp_path / "project")
    write_results(made)
    shutil.copy(empty_store, made.root / "mlflow.db")
    return made


@pytest.fixture
def one_warning(caplog: pytest.LogCaptureFixture) -> Callable[[], str]:
    def only() -> str:
        [entry] = [entry for entry in caplog.records if entry.levelno >= logging.WARNING]
        caplog.clear()
        message = one_line(entry.message)
        assert "the results are in the files, and the next run catches up" in message
        return message

    return only


def run_pipeline(project: Project, monkeypatch: pytest.MonkeyPatch, pid: int) -> None:
    """Six stages that log nothing, and the completion at the end."""
    begin_pipeline(monkeypatch, pid)
    assert log_six_stages(project, monkeypatch) < 30
    complete_parent(project)
    assert not is_complete(project)


def assert_caught_up(project: Project, monkeypatch: pytest.MonkeyPatch, pid: int) -> None:
    begin_pipeline(monkeypatch, pid)
    complete_parent(project)
    assert is_complete(project)
    [parent] = Store(project).parents()
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["vital.accuracy_top1"] == 0.5
    assert len(Store(project).image_keys(parent)) == 3


@pytest.mark.parametrize(
    ("answer", "healthy", "reason"),
    [
        (trickles, False, "it did not answer"),
        (hangs, False, "it did not answer"),
        (says(FAILED), False, "it answers with status 500"),
        (says(STRANGE), False, "it does not answer as a server of MLflow's"),
        (says(b""), False, "it does not answer as a server of MLflow's"),
        (trickles, True, f"it did not answer within {PATIENCE:g} s"),
        (hangs, True, f"it did not answer within {PATIENCE:g} s"),
        (says(FAILED), True, "it answers with status 500"),
        (says(FAILED.replace(b"500", b"503")), True, "it answers with status 503"),
        (says(FAILED.replace(b"500", b"401")), True, "it answers with status 401"),
        (says(STRANGE), True, "it does not answer as a server of MLflow's"),
        (says(NO_JSON), True, "it does not answer as a server of MLflow's"),
        (says(HEALTHY), True, "it does not answer as a server of MLflow's"),
    ],
)
def test_a_server_that_answers_badly_is_waited_for_once(
    project: Project,
    answer: Answer,
    healthy: bool,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    one_warning: Callable[[], str],
) -> None:
    with bad_server(answer, healthy) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
        run_pipeline(project, monkeypatch, pid=1)
        asked = list(server.asked)
        assert len(asked) == 1 + healthy  # by the first of six stages
        line = one_warning()
        assert f"MLflow at {server.uri} cannot be used ({reason}" in line
        run_pipeline(project, monkeypatch, pid=2)  # asks again, once
        assert server.asked == asked * 2
        one_warning()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert_caught_up(project, monkeypatch, pid=3)


def test_a_server_that_hangs_longer_than_a_request_may_take(
    project: Project, monkeypatch: pytest.MonkeyPatch, one_warning: Callable[[], str]
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with bad_server(hangs, healthy=True) as server:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", server.uri)
        run_pipeline(project, monkeypatch, pid=1)
        assert "(it did not answer in time)" in one_warning()


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("http://127.0.0.1:1", "connection refused"),
        ("http://127.0.0.1:port", "its address cannot be used"),
        ("http://", "its address cannot be used"),
        ("foo://somewhere", "MLflow knows no such kind of store"),
        ("./mlruns", "MLflow no longer logs to folders"),
        ("sqlite:////proc/nowhere/mlflow.db", "/proc/nowhere: no such file or directory"),
    ],
)
def test_an_address_that_leads_nowhere(
    project: Project,
    uri: str,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    one_warning: Callable[[], str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    run_pipeline(project, monkeypatch, pid=1)
    assert f"MLflow at {uri} cannot be used ({reason}" in one_warning()


@pytest.mark.parametrize("kind", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_locked_database_is_waited_for_once(
    project: Project, kind: str, monkeypatch: pytest.MonkeyPatch, one_warning: Callable[[], str]
) -> None:
    with closing(sqlite3.connect(project.root / "mlflow.db")) as other:
        other.execute(f"BEGIN {kind}")
        run_pipeline(project, monkeypatch, pid=1)
        assert f"{project.root}/mlflow.db cannot be used (" in (line := one_warning())
        assert "another process" in line
        other.rollback()
    assert_caught_up(project, monkeypatch, pid=2)


def test_a_database_that_is_locked_during_a_stage(
    project: Project, monkeypatch: pytest.MonkeyPatch, one_warning: Callable[[], str]
) -> None:
    begin_pipeline(monkeypatch, 1)
    with closing(sqlite3.connect(project.root / "mlflow.db")) as other:
        with stage_run(project, "model", {}) as run:
            other.execute("BEGIN IMMEDIATE")
            for step in range(50):
                run.metrics({"loss": 1.0}, step=step)
        assert "another process may have locked it" in one_warning()
        assert log_six_stages(project, monkeypatch) < 30
        other.rollback()
    assert_caught_up(project, monkeypatch, pid=2)
    assert len(Store(project).children()) == 1


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def cut_header(path: Path) -> None:
    os.truncate(path, 50)


def overwrite(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def scramble(path: Path) -> None:
    """All pages but the first."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + bytes(byte ^ 0x55 for byte in content[4096:]))


def lose_runs(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DROP TABLE runs")


@pytest.mark.parametrize("harm", [halve, cut_header, overwrite, scramble, lose_runs])
def test_a_damaged_database_is_named_and_once_it_is_moved_all_is_logged_anew(
    project: Project,
    harm: Callable[[Path], None],
    empty_store: Path,
    monkeypatch: pytest.MonkeyPatch,
    one_warning: Callable[[], str],
) -> None:
    database = project.root / "mlflow.db"
    complete_parent(project)
    assert is_complete(project)
    shutil.copy(database, project.root / "copy.db")  # MLflow's own connections keep the old one
    harm(project.root / "copy.db")
    (project.root / "copy.db").replace(database)
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project.root}//mlflow.db")
        run_pipeline(project, patch, pid=1)
    line = one_warning()
    assert "it is damaged or no database of MLflow's" in line
    assert f"move the file {project.root}//mlflow.db away" in line
    assert "the next run logs everything anew" in line

    database.rename(project.root / "away.db")
    shutil.copy(empty_store, database)  # as MLflow makes it, which takes a while
    assert not is_complete(project)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project.root}/./mlflow.db")
    assert_caught_up(project, monkeypatch, pid=2)


def test_a_database_that_was_replaced_is_not_complete(project: Project, empty_store: Path) -> None:
    complete_parent(project)
    assert is_complete(project)
    (project.root / "mlflow.db").unlink()
    assert not is_complete(project)
    shutil.copy(empty_store, project.root / "mlflow.db")
    assert not is_complete(project)


def test_a_run_that_was_deleted_in_mlflow_stays_deleted(project: Project) -> None:
    complete_parent(project)
    [parent] = Store(project).parents()
    Store(project).client.delete_run(parent.info.run_id)
    assert is_complete(project)


def test_an_experiment_that_was_deleted_in_mlflow(
    project: Project, monkeypatch: pytest.MonkeyPatch, one_warning: Callable[[], str]
) -> None:
    complete_parent(project)
    client = Store(project).client
    number = client.get_experiment_by_name("vital").experiment_id
    client.delete_experiment(number)
    with stage_run(project, "model", {}) as run:
        assert not run.is_logging
    line = one_warning()
    assert "its experiment 'vital' is deleted" in line
    assert f"mlflow experiments restore --experiment-id {number}" in line


def test_a_database_of_another_version_of_mlflow(
    project: Project, monkeypatch: pytest.MonkeyPatch, one_warning: Callable[[], str]
) -> None:
    path = project.root / "mlflow.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    run_pipeline(project, monkeypatch, pid=1)
    line = one_warning()
    assert "another version of MLflow made its tables" in line
    assert f"`mlflow db upgrade sqlite:///{path}`" in line


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[]", b'{"a": 1}', b'{"a": [{}]}', b'{"uri": "", "until": 1}']
)
def test_damaged_notes_of_tracking_are_as_none(project: Project, content: bytes) -> None:
    complete_parent(project)
    [marker] = (project.state / "tracked").iterdir()
    for note in (marker, project.state / "away.json"):
        note.write_bytes(content)
    assert not is_complete(project)
    with stage_run(project, "model", {}) as run:
        assert run.is_logging
    complete_parent(project)
    assert is_complete(project)


def test_a_completion_tag_that_was_edited_is_as_none(project: Project) -> None:
    complete_parent(project)
    store = Store(project)
    [parent] = store.parents()
    before = store.shown(parent)
    for text in ("{", "[]", '{"params": {}}'):
        store.client.set_tag(parent.info.run_id, "vital.completed", text)
        complete_parent(project)
        [parent] = store.parents()
        assert store.shown(parent)[2:] == before[2:]
