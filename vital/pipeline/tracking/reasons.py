"""Why a store cannot be used, in words of our own.

What MLflow and the libraries under it say is meant for those who write programs with them. Their
errors are known by the names of their types here: to import them takes seconds.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import sqlite3
import urllib.error
from collections.abc import Iterator

import filelock

from vital.errors import VitalError
from vital.pipeline.tracking.patience import SilentError

_SQLITE = "sqlite:///"

_NAMES = {
    "Timeout": "it did not answer in time",
    "ReadTimeout": "it did not answer in time",
    "ConnectTimeout": "it did not answer in time",
    "ConnectionError": "no connection",
    "URLError": "its address cannot be used",
    "InvalidURL": "its address cannot be used",
    "InvalidUrlException": "its address cannot be used",
    "UnsupportedModelRegistryStoreURIException": "MLflow knows no such kind of store",
    "CommandError": "another version of MLflow made its tables: install that one",
}
"""By the name of an error's type, which is one of requests, urllib, MLflow or Alembic."""

_STATUS = re.compile(r"failed with error code (\d{3})")


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
    text = str(error)
    if isinstance(error, SilentError):
        return text + (": another process may have locked it" if database_path(uri) else "")
    if isinstance(error, VitalError):
        return text
    if isinstance(error, filelock.Timeout):
        return "another run has been busy there for too long"
    if isinstance(error, sqlite3.Error):
        return _of_database(text, database_path(uri))
    if "out-of-date database schema" in text:
        return f"an older MLflow made its tables; `mlflow db upgrade {uri}` brings them up to date"
    if isinstance(error, urllib.error.HTTPError):
        return f"it answers with status {error.code}"
    if status := _STATUS.search(text):
        return f"it answers with status {status[1]}"
    return _NAMES.get(type(error).__name__) or _of_system(error)


def _of_database(text: str, path: str | None) -> str:
    if "locked" in text:
        return "another process has locked it"
    if "readonly" in text or "unable to open" in text:
        return "it cannot be opened and written"
    if "full" in text:
        return "no space is left to write it"
    what = f"the file {path}" if path else "the database"
    return (
        f"it is damaged or no database of MLflow's: move {what} away, and the next run logs "
        "everything anew"
    )


def _of_system(error: BaseException) -> str | None:
    """What the operating system or the protocol says."""
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    if isinstance(error, http.client.HTTPException):
        return "it does not answer as a server of MLflow's"
    if isinstance(error, ImportError):
        return "the package mlflow cannot be imported"
    if isinstance(error, OSError) and error.errno in errno.errorcode:
        place = f"{error.filename}: " if error.filename else ""
        return place + os.strerror(error.errno).lower()
    if isinstance(error, OSError) and error.strerror:  # a name that cannot be looked up
        return error.strerror.lower()
    return None
