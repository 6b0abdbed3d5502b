"""Why a store cannot be used, in our words."""

from __future__ import annotations

import http.client
import socket
import sqlite3
import urllib.error
from email.message import Message

import filelock
import pytest

from vital.errors import ArtefactError
from vital.pipeline.tracking.patience import SilentError
from vital.pipeline.tracking.reasons import database_path, reason_of, without_password

SERVER, FILE = "https://example.org", "sqlite:////x/mlflow.db"


@pytest.mark.parametrize(
    ("error", "uri", "reason"),
    [
        (SilentError(8.0), SERVER, "it did not answer within 8 s"),
        (SilentError(8.0), FILE, "it did not answer within 8 s: another process may have locked"),
        (ArtefactError("dvc.yaml is damaged"), FILE, "dvc.yaml is damaged"),
        (filelock.Timeout("tracking.lock"), FILE, "another run has been busy with it"),
        (sqlite3.OperationalError("database is locked"), FILE, "another process has locked it"),
        (sqlite3.OperationalError("database or disk is full"), FILE, "no space is left"),
        (
            sqlite3.OperationalError("attempt to write a readonly database"),
            FILE,
            "it cannot be written",
        ),
        (
            sqlite3.OperationalError("unable to open database file"),
            FILE,
            "it cannot be opened",
        ),
        (
            sqlite3.DatabaseError("file is not a database"),
            FILE,
            "it is damaged or no database of MLflow's: move the file /x/mlflow.db away",
        ),
        (urllib.error.URLError(TimeoutError()), SERVER, "it did not answer in time"),
        (urllib.error.URLError(ConnectionRefusedError(111, "Refused")), SERVER, "refused"),
        (urllib.error.URLError("no host given"), SERVER, "its address cannot be used"),
        (urllib.error.HTTPError(SERVER, 502, "Bad", Message(), None), SERVER, "with status 502"),
        (http.client.BadStatusLine("?"), SERVER, "it does not answer as a server of MLflow's"),
        (socket.gaierror(-2, "Name unknown"), SERVER, "name unknown"),
        (ModuleNotFoundError("no", name="psycopg2"), SERVER, "psycopg2 cannot be imported"),
        (PermissionError(13, "Denied", "/x"), SERVER, "/x: denied"),
        (RuntimeError("set X=1 or see https://..."), SERVER, "MLflow reports RuntimeError"),
    ],
)
def test_every_error_has_words_of_its_own(error: Exception, uri: str, reason: str) -> None:
    assert reason in reason_of(error, uri)
    assert "\n" not in reason_of(error, uri)


def test_what_lies_beneath_is_named() -> None:
    class TrackerError(Exception):
        error_code = "INTERNAL_ERROR"

    def fail(beneath: Exception) -> Exception:
        try:
            try:
                raise beneath
            except Exception as error:
                raise TrackerError("To increase the timeout, set ...") from error
        except TrackerError as error:
            return error

    assert reason_of(fail(sqlite3.OperationalError("x is locked")), FILE).endswith("has locked it")
    assert reason_of(fail(ValueError("?")), FILE) == "MLflow reports INTERNAL_ERROR"


def test_the_file_of_a_database() -> None:
    assert database_path("sqlite:////x/mlflow.db") == "/x/mlflow.db"
    assert database_path("sqlite:///mlflow.db?timeout=3") == "mlflow.db"
    assert database_path("https://example.org/mlflow.db") is None


def test_no_password_is_shown() -> None:
    assert without_password("at http://a:b@c:1/d, http://e") == "at http://c:1/d, http://e"
