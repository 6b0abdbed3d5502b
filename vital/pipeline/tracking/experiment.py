"""One parent run per state of the pipeline, one child per execution of a stage."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from vital.artefacts.project import Project
from vital.errors import VitalError
from vital.pipeline.tracking.owners import owner_lives, pipeline_owner, stage_owner
from vital.pipeline.tracking.patience import PatientClient
from vital.pipeline.tracking.run import TrackedRun
from vital.pipeline.tracking.state import PIPELINE_TAG, State
from vital.pipeline.tracking.store import Store

KIND_TAG = "vital.kind"
STAGE_TAG = "vital.stage"
OWNER_TAG = "vital.owner"

# MLflow's own defaults wait for minutes, call home, and print tracebacks of what is tolerated here;
# what the user has set is left as it is.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}


@dataclass(frozen=True)
class Experiment:
    """The runs of one experiment."""

    store: Store
    client: Any
    id: str

    def enter_pipeline(self, state: State) -> TrackedRun:
        """The state's parent run, found or created, and ours from now on."""
        run = self._oldest_parent(state) or self._create_parent(state)
        self.client.set_tag(run.info.run_id, OWNER_TAG, pipeline_owner())
        self.client.update_run(run.info.run_id, status="RUNNING")
        return TrackedRun(self.store, self.client, run)

    def start_stage(self, state: State, stage: str, parent: TrackedRun) -> TrackedRun:
        """A new child run of ``parent``."""
        own = {
            KIND_TAG: "stage",
            STAGE_TAG: stage,
            OWNER_TAG: stage_owner(),
            "mlflow.parentRunId": parent.run_id,
            "dvc.stage": os.environ.get("DVC_STAGE"),
        }
        run = self.client.create_run(self.id, tags=state.tags(own), run_name=stage)
        return TrackedRun(self.store, self.client, run)

    def end_abandoned(self, kept: TrackedRun) -> None:
        """Say of runs whose process is gone that they were killed."""
        for run in self._search("attributes.status = 'RUNNING'"):
            owner = run.data.tags.get(OWNER_TAG)
            if owner and run.info.run_id != kept.run_id and not owner_lives(owner):
                self.client.set_terminated(run.info.run_id, "KILLED")

    def _oldest_parent(self, state: State) -> Any | None:
        wanted = f"tags.`{PIPELINE_TAG}` = '{state.id}' and tags.`{KIND_TAG}` = 'pipeline'"
        found = self._search(wanted)
        return min(found, key=lambda run: (run.info.start_time, run.info.run_id), default=None)

    def _create_parent(self, state: State) -> Any:
        name = os.environ.get("DVC_EXP_NAME") or f"pipeline-{state.id[:8]}"
        tags = state.tags({KIND_TAG: "pipeline"})
        created = self.client.create_run(self.id, tags=tags, run_name=name)
        oldest = self._oldest_parent(state) or created
        # Another machine may have been faster.
        if oldest.info.run_id != created.info.run_id:
            self.client.delete_run(created.info.run_id)
        return oldest

    def _search(self, wanted: str) -> list[Any]:
        return list(self.client.search_runs([self.id], filter_string=wanted))


@contextmanager
def connected(project: Project, store: Store) -> Iterator[Experiment]:
    """The experiment in a store that answers, made where there is none; nobody else makes it.

    Raises VitalError where it is deleted.
    """
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    with store.exclusive():
        client = PatientClient(partial(MlflowClient, store.uri))
        yield Experiment(store, client, _experiment_id(client, project, store.uri))


def _experiment_id(client: Any, project: Project, uri: str) -> str:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "vital"
    found = client.get_experiment_by_name(name)
    if found is None:
        # A database keeps no files; a server knows by itself where they go.
        has_server = uri.startswith(("http:", "https:", "databricks"))
        location = None if has_server else str(project.home / "mlartifacts")
        return str(client.create_experiment(name, artifact_location=location))
    if found.lifecycle_stage == "deleted":
        raise VitalError(
            f"its experiment {name!r} is deleted: name another in MLFLOW_EXPERIMENT_NAME, or run "
            f"`mlflow experiments restore --experiment-id {found.experiment_id}`"
        )
    return str(found.experiment_id)
