"""Why a store cannot be used, in words of our own.

What MLflow and the libraries under it say is meant for those who write programs with them. Their
errors are known by the names of their types here: to import them takes seconds.
"""

from __future__ import annotations

import http.client
import re
import sqlite3
import urllib.error
from collections.abc import Iterator

import filelock

from vital.errors import VitalError
from vital.pipeline.tracking.patience import SilentError

_SQLITE = "sqlite:///"

_NO_MLFLOW = "it does not answer as a server of MLflow's"

_NAMES = {
    "Timeout": "it did not answer in time",
    "ReadTimeout": "it did not answer in time",
    "ConnectTimeout": "it did not answer in time",
    "ReadTimeoutError": "it did not answer in time",
    "ConnectTimeoutError": "it did not answer in time",
    "ProtocolError": _NO_MLFLOW,
    "URLError": "its address cannot be used",
    "InvalidURL": "its address cannot be used",
    "InvalidUrlException": "its address cannot be used",
    "UnsupportedModelRegistryStoreURIException": "MLflow knows no such kind of store",
    "CommandError": "another version of MLflow made its tables: install that one",
}
"""By the name of an error's type, which is one of requests, urllib3, urllib, MLflow or Alembic."""

_PHRASES = {
    "out-of-date database schema": "another version of MLflow made its tables: if an older one "
    "did, `mlflow db upgrade {uri}` brings them up to date",
    "filesystem tracking backend": "MLflow no longer logs to folders: set MLFLOW_TRACKING_URI to "
    "the address of a server or to sqlite:///<file>",
    "not in a valid JSON format": _NO_MLFLOW,
}
"""By what an error of MLflow's says, where its type says nothing."""

_DATABASE_PHRASES = {
    "locked": "another process has locked it",
    "readonly": "it cannot be written",
    "unable to open": "it cannot be opened",
    "full": "no space is left to write it",
}
"""By what SQLite says of a database that is whole."""

_STATUS = re.compile(r"(?:failed with error code|too many) (\d{3})")


def reason_of(error: BaseException, uri: str) -> str:
    """Why the store at ``uri`` cannot be used, after ``error``."""
    for cause in _causes(error):
        known = _known(cause, uri)
        if known:
            return known
    code = getattr(error, "error_code", None)
    return f"MLflow reports {code or type(error).__name__}"


def database_path(uri: str) -> str | None:
    """The file of a store that is an SQLite database, or None for one of another kind."""
    return uri.removeprefix(_SQLITE).partition("?")[0] if uri.startswith(_SQLITE) else None


def without_password(text: str) -> str:
    """The text without users and passwords in its addresses."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from, to the beginning."""
    found: BaseException | None = error
    while found is not None:
        inner = getattr(found, "reason", None)
        if isinstance(inner, BaseException):  # urllib's errors are mere covers of others
            found = inner
            continue
        yield found
        found = found.__cause__ or found.__context__


def _known(error: BaseException, uri: str) -> str | None:
    return (
        _of_ours(error, uri)
        or _of_database(error, uri)
        or _of_answer(error, uri)
        or _NAMES.get(type(error).__name__)
        or _of_system(error)
    )


def _of_ours(error: BaseException, uri: str) -> str | None:
    """What was raised here, and has its words already."""
    if isinstance(error, SilentError):
        return f"{error}" + (": another process may have locked it" if database_path(uri) else "")
    if isinstance(error, filelock.Timeout):
        return "another run has been busy with it for too long"
    return str(error) if isinstance(error, VitalError) else None


def _of_database(error: BaseException, uri: str) -> str | None:
    if not isinstance(error, sqlite3.Error):
        return None
    for phrase, meaning in _DATABASE_PHRASES.items():
        if phrase in str(error):
            return meaning
    return (
        f"it is damaged or no database of MLflow's: move the file {database_path(uri)} away, and "
        "the next run logs everything anew"
    )


def _of_answer(error: BaseException, uri: str) -> str | None:
    """What a server answers, and what MLflow says of stores."""
    text = str(error)
    if isinstance(error, urllib.error.HTTPError):
        return f"it answers with status {error.code}"
    if status := _STATUS.search(text):
        return f"it answers with status {status[1]}"
    meanings = (meaning for phrase, meaning in _PHRASES.items() if phrase in text)
    return next(meanings, "").format(uri=uri) or None


def _of_system(error: BaseException) -> str | None:
    """What the operating system or the protocol says."""
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, http.client.HTTPException):
        return _NO_MLFLOW
    if isinstance(error, ImportError):
        return f"the package {error.name} cannot be imported"
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return place + error.strerror.lower()
    return None
