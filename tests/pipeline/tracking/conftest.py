"""Projects with SQLite stores of their own, and servers that are not there."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.tracked_project import forget_settings, make_project
from vital.artefacts.project import Project


@pytest.fixture(autouse=True)
def clean_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings from outside, and no memory of stores that failed."""
    forget_settings(monkeypatch)


@pytest.fixture
def project(tmp_path: Path, empty_store: Path) -> Project:
    made = make_project(tmp_path / "project")
    shutil.copy(empty_store, made.root / "mlflow.db")
    return made


@pytest.fixture
def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def silent_server() -> Iterator[str]:
    """It takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://user:secret@127.0.0.1:{server.getsockname()[1]}"
