"""Whether a store answers, found out within a second and without loading MLflow."""

from __future__ import annotations

import socket
import sqlite3
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from urllib.parse import urlsplit

from vital.artefacts.project import Project
from vital.errors import ArtefactError
from vital.pipeline.tracking.owners import pipeline_owner
from vital.pipeline.tracking.store import without_password
from vital.runtime.files import digest, read_json, write_json

_PROBE_SECONDS = 1.0
_AWAY_SECONDS = 60.0


def why_away(project: Project, uri: str) -> str | None:
    """Why the store cannot be reached, or None; asks again only after a while."""
    pipeline = pipeline_owner()
    note = project.state / "away.json"
    if _is_noted(note, uri, pipeline):
        return "it did not answer a moment ago"
    reason = _ask_in_time(uri)
    if reason is not None:
        content = {"uri": digest(uri), "pipeline": pipeline, "until": time.time() + _AWAY_SECONDS}
        write_json(note, content)
    return reason


def _is_noted(note: Path, uri: str, pipeline: str) -> bool:
    """Whether an earlier stage of this very pipeline has found the store away."""
    try:
        known = read_json(note)
    except ArtefactError:
        return False
    same = (known["uri"], known["pipeline"]) == (digest(uri), pipeline)
    return same and time.time() < known["until"]


def _ask_in_time(uri: str) -> str | None:
    # In a thread, since no socket's timeout covers a slow look-up of the host's name.
    answers: Queue[str | None] = Queue()
    Thread(target=lambda: answers.put(_ask(uri)), daemon=True).start()
    try:
        return answers.get(timeout=_PROBE_SECONDS)
    except Empty:
        return f"no answer within {_PROBE_SECONDS:g} s"


def _ask(uri: str) -> str | None:
    """Why the store does not answer, or None; other kinds of stores are taken at their word."""
    parts = urlsplit(without_password(uri))
    try:
        if parts.scheme in ("http", "https"):
            _ask_server(parts.geturl())
        elif parts.scheme == "sqlite":
            _open_database(uri.removeprefix("sqlite:///"))
        elif parts.hostname and parts.port:
            socket.create_connection((parts.hostname, parts.port), _PROBE_SECONDS).close()
    except Exception as error:
        return str(error)
    return None


def _ask_server(uri: str) -> None:
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_PROBE_SECONDS).close()
    except urllib.error.HTTPError as error:
        # One that wants a password or knows no /health is there; a gateway in front of one is not.
        if error.code >= 500:
            raise


def _open_database(path: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(path, timeout=_PROBE_SECONDS / 2)) as database:
            database.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError as error:
        # Another process is writing: it is there.
        if "locked" not in str(error):
            raise
