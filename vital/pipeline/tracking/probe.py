"""Whether a store answers and holds a run, found out soon and without loading MLflow."""

from __future__ import annotations

import socket
import sqlite3
import urllib.error
import urllib.request
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from vital.errors import VitalError
from vital.pipeline.tracking import patience
from vital.pipeline.tracking.patience import in_time
from vital.pipeline.tracking.reasons import database_path, without_password

_PROBE_SECONDS = 1.0


def why_away(uri: str) -> Exception | None:
    """Why the store cannot be reached, or None.

    A server has a second to answer; a database that another process has locked is waited for.
    """
    path = database_path(uri)
    try:
        if path is None:
            # No socket's timeout covers a slow look-up of the host's name.
            in_time(partial(_ask, uri), _PROBE_SECONDS)
        else:
            in_time(partial(_open_database, path), patience.PATIENCE)
    except Exception as error:
        return error
    return None


def may_hold_run(uri: str, run: str) -> bool:
    """Whether a store holds a run, as far as can be known without asking a server.

    A database may have been replaced by another one. It holds a run that is deleted, too.
    """
    path = database_path(uri)
    if path is None:
        return True
    address = f"{Path(path).resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=_PROBE_SECONDS)) as database:
            found = database.execute("SELECT 1 FROM runs WHERE run_uuid = ?", [run]).fetchone()
    except sqlite3.Error:
        return False  # to complete the run says why
    return found is not None


def _ask(uri: str) -> None:
    """Raise what comes instead of an answer; other kinds of stores are taken at their word."""
    parts, port = _split(uri)
    if parts.scheme in ("http", "https"):
        _ask_server(parts.geturl())
    elif parts.hostname and port:
        socket.create_connection((parts.hostname, port), _PROBE_SECONDS).close()


def _split(uri: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(without_password(uri))
        return parts, parts.port
    except ValueError:
        raise VitalError("its address cannot be used") from None


def _ask_server(uri: str) -> None:
    try:
        urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_PROBE_SECONDS).close()
    except urllib.error.HTTPError as error:
        # One that wants a password or knows no /health is there; a gateway in front of one is not.
        if error.code >= 500:
            raise


def _open_database(path: str) -> None:
    """Take the lock of whoever writes, and read the tables' names: a truncated file has none."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=0.9 * patience.PATIENCE)) as database:
        database.execute("BEGIN IMMEDIATE")
        database.execute("SELECT name FROM sqlite_master").fetchall()
        database.rollback()
