"""MLflow: one parent run per state of the pipeline, one child per execution of a stage.

Numbers and images are in files first; MLflow shows them. A store that cannot be used therefore
never stops a stage: it costs one warning, and ``complete_parent`` logs from the files later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vital.artefacts.project import METRICS_FILE, Project
from vital.errors import ArtefactError
from vital.pipeline.tracking.experiment import connected
from vital.pipeline.tracking.probe import may_hold_run
from vital.pipeline.tracking.run import TrackedRun
from vital.pipeline.tracking.state import State
from vital.pipeline.tracking.store import Store
from vital.runtime.files import digest, read_json, write_json


def is_complete(project: Project) -> bool:
    """Whether the parent run of the present state shows all there is; asks no server.

    Raises ParamsError when params.yaml cannot be read.
    """
    store, marker = Store.of(project), _marker(project, State.of(project))
    try:
        shown = read_json(marker)
        same = shown["store"] == digest(store.uri)
        run = str(shown["run"])
    except (ArtefactError, OSError, LookupError, TypeError):
        return False
    return same and may_hold_run(store.uri, run)


@contextmanager
def stage_run(project: Project, stage: str, params: Mapping[str, Any]) -> Iterator[TrackedRun]:
    """A child run for one execution of ``stage``, which ends as the block under it ends.

    The block's own exceptions pass unchanged; a store that fails raises nothing.
    """
    parent, child = _open_stage(project, stage, params)
    status = "FINISHED"
    try:
        yield child
    except BaseException as error:
        status = _status_after(error)
        raise
    finally:
        child.end(status)
        # With a stage that failed the pipeline stops, and nobody comes to complete the parent.
        if status != "FINISHED":
            parent.end(status)


def complete_parent(project: Project) -> None:
    """Bring the present state's parent run up to date from files alone, and end it.

    What it shows already is not logged again; files that are missing are skipped.
    Raises ParamsError when params.yaml cannot be read.
    """
    state, store = State.of(project), Store.of(project)
    parent = TrackedRun(store)
    with store.tolerated():
        if store.answers():
            with connected(project, store) as experiment:
                parent = experiment.enter_pipeline(state)
    if parent.is_logging:
        # Only here: it reads tables that most stages have nothing to do with.
        from vital.pipeline.tracking.completion import Completion

        Completion(project, parent).log_changed()
        parent.end("FINISHED")
    if parent.is_logging:
        content = {"store": digest(store.uri), "run": parent.run_id}
        write_json(_marker(project, state), content)


def catch_up(project: Project) -> None:
    """Complete the parent run of a finished pipeline where the store has missed something.

    Raises ParamsError when params.yaml cannot be read.
    """
    if (project.scores / METRICS_FILE).is_file() and not is_complete(project):
        complete_parent(project)


def _open_stage(
    project: Project, stage: str, params: Mapping[str, Any]
) -> tuple[TrackedRun, TrackedRun]:
    """The parent and the new child, or two that log nothing."""
    store = Store.of(project)
    with store.tolerated():
        state = State.of(project)
        # Whatever the stage changes, the parent has to be completed once more.
        _marker(project, state).unlink(missing_ok=True)
        if store.answers():
            with connected(project, store) as experiment:
                parent = experiment.enter_pipeline(state)
                experiment.end_abandoned(kept=parent)
                child = experiment.start_stage(state, stage, parent)
            child.params(params)
            return parent, child
    return TrackedRun(store), TrackedRun(store)


def _status_after(error: BaseException) -> str:
    """How a run ends whose stage this exception left."""
    if isinstance(error, KeyboardInterrupt):
        return "KILLED"
    if isinstance(error, SystemExit):
        if not error.code:
            return "FINISHED"
        # Shells and signal handlers say 128 + the signal's number.
        return "KILLED" if isinstance(error.code, int) and error.code > 128 else "FAILED"
    return "FAILED"


def _marker(project: Project, state: State) -> Path:
    """The file that says in which store a run shows all of this state."""
    return project.state / "tracked" / state.id
