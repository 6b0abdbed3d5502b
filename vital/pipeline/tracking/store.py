"""Where runs go, and how a store that fails is given up so that it stops no stage."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from vital.artefacts.project import Project
from vital.pipeline.tracking import patience
from vital.pipeline.tracking.away import is_noted_away, note_away
from vital.pipeline.tracking.probe import why_away
from vital.pipeline.tracking.reasons import reason_of, without_password

log = logging.getLogger(__name__)

_given_up: set[str] = set()
"""The addresses of stores that failed in this process."""


@dataclass(frozen=True)
class Store:
    """MLflow's store at ``uri``; ``state`` is the folder of the project's notes on it."""

    uri: str
    state: Path

    @classmethod
    def of(cls, project: Project) -> Store:
        """Where the project's runs go."""
        return cls(tracking_uri(project), project.state)

    @property
    def has_failed(self) -> bool:
        """Whether it has failed once in this process: nothing more is tried there."""
        return self.uri in _given_up

    def answers(self) -> bool:
        """Whether runs go there and it can be reached; says so the first time where it cannot."""
        if os.environ.get("VITAL_TRACKING") == "off" or self.has_failed or self._failed_before():
            return False
        error = why_away(self.uri)
        if error is not None:
            self.give_up(error)
        return error is None

    @contextmanager
    def tolerated(self) -> Iterator[None]:
        """Keep the errors of the block from the caller; after one the store is given up."""
        try:
            yield
        except Exception as error:
            log.debug("MLflow failed", exc_info=True)
            self.give_up(error)

    def give_up(self, error: Exception) -> None:
        """Try nothing more in this store until the next pipeline, and say so the first time."""
        if not self.has_failed:
            _given_up.add(self.uri)
            note_away(self.state, self.uri)
            log.warning(
                "MLflow at %s cannot be used (%s): this pipeline logs nothing more there; the "
                "results are in the files, and the next run catches up",
                without_password(self.uri),
                without_password(reason_of(error, self.uri)),
            )

    def _failed_before(self) -> bool:
        """Whether it has failed an earlier stage of this pipeline, which has said so."""
        if is_noted_away(self.state, self.uri):
            _given_up.add(self.uri)
            log.info("MLflow has failed this pipeline before: nothing is logged there")
        return self.has_failed

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """One process at a time creates the store's tables, the experiment and parent runs."""
        path = self.state / "tracking.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path, timeout=patience.PATIENCE):
            yield


def tracking_uri(project: Project) -> str:
    """Where runs go: MLFLOW_TRACKING_URI, or a SQLite file in the checkout that lasts."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{project.home / 'mlflow.db'}"
