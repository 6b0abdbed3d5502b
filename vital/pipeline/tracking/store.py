"""Where runs go, and how a store that fails is given up so that it stops no stage."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from filelock import FileLock

from vital.artefacts.project import Project

log = logging.getLogger(__name__)

_LOCK_SECONDS = 60.0
_REASON_LENGTH = 200

_given_up: set[str] = set()


def tracking_uri(project: Project) -> str:
    """Where runs go: MLFLOW_TRACKING_URI, or a SQLite file in the checkout that lasts."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{project.home / 'mlflow.db'}"


def has_failed(uri: str) -> bool:
    """Whether the store has failed once in this process: nothing more is tried there."""
    return uri in _given_up


@contextmanager
def tolerated(uri: str) -> Iterator[None]:
    """Keep the errors of the block from the caller; after one the store is given up."""
    try:
        yield
    except Exception as error:
        log.debug("MLflow failed", exc_info=True)
        give_up(uri, f"{type(error).__name__}: {error}".splitlines()[0])


def give_up(uri: str, reason: str) -> None:
    """Try nothing more in this store, and say so the first time."""
    if uri not in _given_up:
        _given_up.add(uri)
        log.warning(
            "MLflow at %s cannot be used (%s): this process logs nothing more there; the results "
            "are in the files, and the next run catches up",
            without_password(uri),
            without_password(reason)[:_REASON_LENGTH],
        )


def without_password(text: str) -> str:
    """The text without users and passwords in its addresses."""
    return re.sub(r"//[^/@\s]*@", "//", text)


@contextmanager
def exclusive(project: Project) -> Iterator[None]:
    """One process at a time creates the store's tables, the experiment and parent runs."""
    path = project.state / "tracking.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path, timeout=_LOCK_SECONDS):
        yield
