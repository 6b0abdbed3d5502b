"""MLflow: one parent run per state of the pipeline, one child per execution of a stage.

Numbers and images are in files first; MLflow shows them. A store that cannot be used therefore
never stops a stage: it costs one warning, and ``complete_parent`` logs from the files later.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import math
import os
import re
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from numbers import Real
from operator import itemgetter
from pathlib import Path, PurePosixPath
from queue import Empty, Queue
from threading import Thread
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

import pandas as pd
import psutil
from filelock import FileLock
from PIL import Image
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from vital.artefacts.checked import named_path
from vital.artefacts.project import Project
from vital.artefacts.visualizations import is_of_class
from vital.errors import ArtefactError, VitalError
from vital.params.base import read_params
from vital.runtime.files import digest, digest_file, read_json, read_parquet, write_json, write_text

log = logging.getLogger(__name__)

PIPELINE_TAG = "vital.pipeline"
KIND_TAG = "vital.kind"
STAGE_TAG = "vital.stage"
OWNER_TAG = "vital.owner"
COMPLETED_TAG = "vital.completed"

_PROBE_SECONDS = 1.0
_AWAY_SECONDS = 60.0
_LOCK_SECONDS = 60.0
_METRICS_PER_REQUEST = 1000
_PARAMS_PER_REQUEST = 100
_VALUE_LENGTH = 6000
_DIGEST_LENGTH = 36
_REASON_LENGTH = 200
# MLflow takes 250, but an image's key is a part of a file name, which may have 255.
_KEY_LENGTH = 150

# Its own defaults wait for minutes and call home; what the user has set is left as it is.
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "4",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}

# Stores that failed once in this process: nothing more is tried there.
_given_up: set[str] = set()

Arguments = ParamSpec("Arguments")
Item = TypeVar("Item")


def tracking_uri(project: Project) -> str:
    """Where runs go: MLFLOW_TRACKING_URI, or a SQLite file in the checkout that lasts."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{project.home / 'mlflow.db'}"


def is_complete(project: Project) -> bool:
    """Whether the parent run of the present state shows all there is; asks no server.

    Raises ParamsError when params.yaml cannot be read.
    """
    marker = _marker(project, _State.of(project))
    return marker.is_file() and marker.read_text() == digest(tracking_uri(project))


@contextmanager
def stage_run(project: Project, stage: str, params: Mapping[str, Any]) -> Iterator[StageRun]:
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
    state, uri = _State.of(project), tracking_uri(project)
    parent = StageRun(uri)
    with _tolerated(uri), _exclusive(project):
        experiment = _connect(project, uri)
        if experiment:
            parent = experiment.enter_pipeline(state)
    if parent.is_logging:
        _Completion(project, parent).log_changed()
        parent.end("FINISHED")
    if parent.is_logging:
        write_text(_marker(project, state), digest(uri))


# --- One run -------------------------------------------------------------------------------------


def _tolerant(
    method: Callable[Concatenate[StageRun, Arguments], None],
) -> Callable[Concatenate[StageRun, Arguments], None]:
    """Call the method only while the store works, and keep the store's errors from the caller."""

    @functools.wraps(method)
    def attempt(run: StageRun, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        if run.is_logging:
            with _tolerated(run.uri):
                method(run, *args, **kwargs)

    return attempt


class StageRun:
    """A run to log to; without a store that works every method does nothing."""

    def __init__(self, uri: str, client: Any = None, run: Any = None) -> None:
        self.uri = uri
        self._client = client
        self._run = run

    @property
    def is_logging(self) -> bool:
        """Whether there is a run, and the store has not failed yet."""
        return self._run is not None and self.uri not in _given_up

    @property
    def run_id(self) -> str:
        """MLflow's name of the run, or an empty string."""
        return str(self._run.info.run_id) if self._run is not None else ""

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags that the run had when it was opened."""
        return dict(self._run.data.tags) if self._run is not None else {}

    @_tolerant
    def params(self, values: Mapping[str, Any]) -> None:
        """Log nested parameters under dotted names."""
        from mlflow.entities import Param

        flat = [Param(_legal(key), value) for key, value in _flatten(values)]
        for part in _portions(flat, _PARAMS_PER_REQUEST):
            self._client.log_batch(self.run_id, params=part)

    @_tolerant
    def metrics(self, values: Mapping[str, float | None], step: int | None = None) -> None:
        """Log single numbers; None, NaN and infinity are left out."""
        points = ((key, value, step or 0) for key, value in values.items())
        self._log_points(points, _now())

    @_tolerant
    def history(self, table: pd.DataFrame, step: str = "step") -> None:
        """Log every numeric column as a curve over the column named ``step``."""
        numbers = table.drop(columns=step).select_dtypes("number")
        points = (
            (str(name), value, int(at))
            for name in numbers
            for at, value in zip(table[step], numbers[name], strict=True)
        )
        # A fixed time makes a point that is logged twice the same point, which MLflow keeps once.
        self._log_points(points, self._run.info.start_time)

    @_tolerant
    def image(self, path: Path, key: str) -> None:
        """Log a picture; the same key in several runs puts them side by side in MLflow."""
        picture = _read_image(path)
        if picture is not None:
            self._client.log_image(self.run_id, picture, key=_legal(key), step=0, synchronous=True)

    @_tolerant
    def table(self, frame: pd.DataFrame, name: str) -> None:
        """Log ``frame`` as ``<name>.json``, in place of one of that name."""
        file = f"{name}.json"
        if any(entry.path == file for entry in self._client.list_artifacts(self.run_id)):
            # log_table would append to it.
            text = frame.to_json(orient="split", index=False, date_format="iso")
            self._client.log_text(self.run_id, text, file)
        else:
            self._client.log_table(self.run_id, frame, file)

    @_tolerant
    def file(self, path: Path, folder: str | None = None) -> None:
        """Log a file under its own name, in a folder of the run's artefacts."""
        if _is_there(path):
            self._client.log_artifact(self.run_id, str(path), folder)

    @_tolerant
    def dataset(self, name: str, path: Path, digest: str, context: str) -> None:
        """Log which data the run used, known by DVC's ``digest``; reads none of it."""
        from mlflow.data.dataset_source_registry import resolve_dataset_source
        from mlflow.data.meta_dataset import MetaDataset
        from mlflow.entities import Dataset, DatasetInput, InputTag

        with warnings.catch_warnings(action="ignore"):  # it knows two equal kinds of local folders
            source = resolve_dataset_source(path.as_posix())
        used = MetaDataset(  # type: ignore[abstract]  # mlflow's own subclasses leave it at that
            source, name=name, digest=digest[:_DIGEST_LENGTH]
        )
        tags = [InputTag("mlflow.data.context", context)]
        self._client.log_inputs(self.run_id, [DatasetInput(Dataset(**used.to_dict()), tags)])

    @_tolerant
    def tag(self, key: str, value: str) -> None:
        """Set one tag."""
        self._client.set_tag(self.run_id, key, value)

    @_tolerant
    def end(self, status: str) -> None:
        """End the run as FINISHED, FAILED or KILLED."""
        self._client.set_terminated(self.run_id, status)

    def image_keys(self) -> set[str]:
        """The keys of the pictures that the run has."""
        names: list[str] = []
        if self.is_logging:
            with _tolerated(self.uri):
                names = [entry.path for entry in self._client.list_artifacts(self.run_id, "images")]
        # MLflow writes <key>+step+<step>+...
        return {PurePosixPath(name).name.partition("+")[0] for name in names}

    def _log_points(self, points: Iterable[tuple[str, Any, int]], timestamp: int) -> None:
        from mlflow.entities import Metric

        metrics = [
            Metric(_legal(key), float(value), timestamp, step)
            for key, value, step in points
            if isinstance(value, Real) and math.isfinite(value)
        ]
        for part in _portions(metrics, _METRICS_PER_REQUEST):
            self._client.log_batch(self.run_id, metrics=part)


def _legal(key: str) -> str:
    """What MLflow accepts as the key of a parameter, a metric and an image alike."""
    return re.sub(r"[^A-Za-z0-9_.\- ]", "_", key).strip(". ")[:_KEY_LENGTH] or "_"


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{name}.")
        else:
            # Sorted keys: MLflow refuses another text for a parameter that it has.
            text = value if isinstance(value, str) else _as_json(value)
            yield name, text[:_VALUE_LENGTH]


def _as_json(value: Any) -> str:
    # YAML knows dates, which JSON does not.
    return json.dumps(value, sort_keys=True, default=str)


def _portions(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _read_image(path: Path) -> Image.Image | None:
    try:
        with Image.open(path) as picture:
            return picture.copy()
    except OSError as error:
        log.warning("%s cannot be shown in MLflow: %s", path, error)
        return None


def _is_there(path: Path) -> bool:
    if path.is_file():
        return True
    log.info("%s is not there: left out of MLflow", path)
    return False


def _now() -> int:
    return int(time.time() * 1000)


def _status_after(error: BaseException) -> str:
    """How a run ends that this exception left."""
    if isinstance(error, KeyboardInterrupt):
        return "KILLED"
    if isinstance(error, SystemExit):
        if not error.code:
            return "FINISHED"
        # Shells and signal handlers say 128 + the signal's number.
        return "KILLED" if isinstance(error.code, int) and error.code > 128 else "FAILED"
    return "FAILED"


# --- The state of the pipeline -------------------------------------------------------------------


@dataclass(frozen=True)
class _State:
    """What the results follow from; the same state again joins the same parent run."""

    id: str
    revision: str | None
    dirty: bool | None

    @classmethod
    def of(cls, project: Project) -> _State:
        revision = _git(project.root, "rev-parse", "HEAD")
        changes = _git(project.root, "status", "--porcelain", "--untracked-files=no")
        content = {
            "revision": revision or "none",
            "params": _as_json(read_params(project.params)),
            "inputs": _inputs(project.root),
        }
        return cls(digest(content)[:32], revision, None if changes is None else bool(changes))

    def tags(self, own: Mapping[str, str | None]) -> dict[str, str]:
        """A run's own tags and those that every run of this state has, as far as known."""
        known = {
            PIPELINE_TAG: self.id,
            "git.rev": self.revision,
            "git.dirty": None if self.dirty is None else str(self.dirty).lower(),
            "mlflow.source.git.commit": self.revision,
            "dvc.exp": os.environ.get("DVC_EXP_NAME"),
            "dvc.baseline": os.environ.get("DVC_EXP_BASELINE_REV"),
            **own,
        }
        return {key: value for key, value in known.items() if value}


def _git(folder: Path, *arguments: str) -> str | None:
    """What git prints, or None without git or outside of a repository."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _inputs(root: Path) -> dict[str, str]:
    """The pipeline's own inputs with DVC's hashes: what stages need and no stage makes."""
    stages = _read_yaml(root / "dvc.yaml").get("stages") or {}
    # foreach keeps the stage itself under `do`.
    stages = [stage.get("do", stage) for stage in stages.values()]
    needed = {path for stage in stages for path in _paths(stage, "deps")}
    made = {path for stage in stages for path in _paths(stage, "outs", "metrics", "plots")}
    return {
        path.as_posix(): _dvc_hash(root / path)
        for path in sorted(needed)
        if not any(_overlap(path, out) for out in made)
    }


def _paths(stage: Mapping[str, Any], *sections: str) -> Iterator[PurePosixPath]:
    for section in sections:
        for entry in stage.get(section) or ():
            path = next(iter(entry)) if isinstance(entry, Mapping) else entry
            # A templated name stands for all that lies in its folder.
            fixed, template, _ = str(path).partition("${")
            yield PurePosixPath(fixed.rpartition("/")[0] if template else fixed)


def _overlap(one: PurePosixPath, other: PurePosixPath) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _dvc_hash(path: Path) -> str:
    """The md5 that DVC gives to a file or a folder; of what it tracks, the one it has noted."""
    tracked = path.with_name(f"{path.name}.dvc")
    if tracked.is_file():
        return str(_read_yaml(tracked)["outs"][0].get("md5"))
    if path.is_dir():
        return _dvc_folder_hash(path)
    return digest_file(path, "md5") if path.is_file() else "missing"


def _dvc_folder_hash(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    listing = [
        {"md5": digest_file(path, "md5"), "relpath": path.relative_to(folder).as_posix()}
        for path in files
        if "__pycache__" not in path.parts
    ]
    listing.sort(key=itemgetter("relpath"))
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"


def _read_yaml(path: Path) -> dict[str, Any]:
    """The content of a file of DVC's; empty when there is no such file."""
    try:
        return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        return {}
    except YAMLError as error:
        raise ArtefactError(f"{path} is damaged: {error}") from None


def _marker(project: Project, state: _State) -> Path:
    return project.state / "tracked" / state.id


# --- The store -----------------------------------------------------------------------------------


@contextmanager
def _tolerated(uri: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        log.debug("MLflow failed", exc_info=True)
        _give_up(uri, f"{type(error).__name__}: {error}".splitlines()[0])


def _give_up(uri: str, reason: str) -> None:
    if uri not in _given_up:
        _given_up.add(uri)
        log.warning(
            "MLflow at %s cannot be used (%s): this process logs nothing more there; the results "
            "are in the files, and the next run catches up",
            _without_password(uri),
            _without_password(reason)[:_REASON_LENGTH],
        )


def _without_password(text: str) -> str:
    return re.sub(r"//[^/@\s]*@", "//", text)


@contextmanager
def _exclusive(project: Project) -> Iterator[None]:
    """One process at a time creates the store's tables, the experiment and parent runs."""
    path = project.state / "tracking.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path, timeout=_LOCK_SECONDS):
        yield


def _connect(project: Project, uri: str) -> _Experiment | None:
    """The experiment in a store that answers; None if tracking is off, or after a warning."""
    if uri in _given_up or os.environ.get("VITAL_TRACKING") == "off":
        return None
    reason = _why_away(project, uri)
    if reason is not None:
        _give_up(uri, reason)
        return None
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    return _Experiment(uri, client, _experiment_id(client, project, uri))


def _experiment_id(client: Any, project: Project, uri: str) -> str:
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "vital"
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    # A database keeps no files; a server knows by itself where they go.
    has_server = uri.startswith(("http:", "https:", "databricks"))
    location = None if has_server else str(project.home / "mlartifacts")
    return str(client.create_experiment(name, artifact_location=location))


def _why_away(project: Project, uri: str) -> str | None:
    """Why the store cannot be reached, or None; asks again only after a while."""
    pipeline = _name_process(_pipeline_process())
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
    parts = urlsplit(_without_password(uri))
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


# --- Parent and child runs -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Experiment:
    """The runs of one experiment."""

    uri: str
    client: Any
    id: str

    def enter_pipeline(self, state: _State) -> StageRun:
        """The state's parent run, found or created, and ours from now on."""
        run = self._oldest_parent(state) or self._create_parent(state)
        owner = _name_process(_pipeline_process())
        self.client.set_tag(run.info.run_id, OWNER_TAG, owner)
        self.client.update_run(run.info.run_id, status="RUNNING")
        return StageRun(self.uri, self.client, run)

    def start_stage(self, state: _State, stage: str, parent: StageRun) -> StageRun:
        """A new child run of ``parent``."""
        own = {
            KIND_TAG: "stage",
            STAGE_TAG: stage,
            OWNER_TAG: _name_process(psutil.Process()),
            "mlflow.parentRunId": parent.run_id,
            "dvc.stage": os.environ.get("DVC_STAGE"),
        }
        run = self.client.create_run(self.id, tags=state.tags(own), run_name=stage)
        return StageRun(self.uri, self.client, run)

    def end_abandoned(self, kept: StageRun) -> None:
        """Say of runs whose process is gone that they were killed."""
        for run in self._search("attributes.status = 'RUNNING'"):
            owner = run.data.tags.get(OWNER_TAG)
            if owner and run.info.run_id != kept.run_id and not _lives(owner):
                self.client.set_terminated(run.info.run_id, "KILLED")

    def _oldest_parent(self, state: _State) -> Any | None:
        wanted = f"tags.`{PIPELINE_TAG}` = '{state.id}' and tags.`{KIND_TAG}` = 'pipeline'"
        found = self._search(wanted)
        return min(found, key=lambda run: (run.info.start_time, run.info.run_id), default=None)

    def _create_parent(self, state: _State) -> Any:
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


def _open_stage(
    project: Project, stage: str, params: Mapping[str, Any]
) -> tuple[StageRun, StageRun]:
    """The parent and the new child, or two that log nothing."""
    uri = tracking_uri(project)
    with _tolerated(uri):
        state = _State.of(project)
        # Whatever the stage changes, the parent has to be completed once more.
        _marker(project, state).unlink(missing_ok=True)
        with _exclusive(project):
            experiment = _connect(project, uri)
            if experiment:
                parent = experiment.enter_pipeline(state)
                experiment.end_abandoned(kept=parent)
                child = experiment.start_stage(state, stage, parent)
                child.params(params)
                return parent, child
    return StageRun(uri), StageRun(uri)


def _pipeline_process() -> psutil.Process:
    """The DVC process that runs this one, or this one."""
    this = psutil.Process()
    return next((process for process in this.parents() if _is_dvc(process)), this)


def _is_dvc(process: psutil.Process) -> bool:
    try:
        # `dvc`, `python -m dvc` and `python .../dvc/__main__.py`, but not a path with `.dvc` in it.
        return any("dvc" in Path(part).parts for part in process.cmdline())
    except psutil.Error:
        return False


def _name_process(process: psutil.Process) -> str:
    """A name that no other process has, not even one that gets the same number later."""
    return f"{socket.gethostname()}:{process.pid}:{process.create_time():.2f}"


def _lives(owner: str) -> bool:
    host, pid, started = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return True  # as far as anyone here can tell
    try:
        process = psutil.Process(int(pid))
        same = abs(process.create_time() - float(started)) < 1.0
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# --- The parent run, from files ------------------------------------------------------------------


@dataclass(frozen=True)
class _Part:
    """Files that are logged together, and how one of them is logged."""

    name: str
    paths: Sequence[Path]
    log: Callable[[Path], None]


class _Completion:
    """Logs what the pipeline's files hold and the run does not show yet."""

    def __init__(self, project: Project, run: StageRun) -> None:
        self._project = project
        self._run = run
        self._shown: set[str] = set()

    def log_changed(self) -> None:
        """Log the parts whose files differ from those that were logged before."""
        done: dict[str, str] = json.loads(self._run.tags.get(COMPLETED_TAG, "{}"))
        present = self._run.image_keys()
        for part in self._parts():
            paths = [path for path in part.paths if _is_there(path)]
            content = digest([[path.name, digest_file(path, "md5")] for path in paths])[:16]
            if not paths or done.get(part.name) == content:
                continue
            # Logging that was cut short goes on where it was; changed pictures are shown anew.
            self._shown = set() if part.name in done else present
            for path in paths:
                _skip_damaged(part.log, path)
            done[part.name] = content
            self._run.tag(COMPLETED_TAG, json.dumps(done, sort_keys=True))

    def _parts(self) -> Iterator[_Part]:
        project = self._project
        yield _Part("params", [project.params], self._log_params)
        yield _Part("scores", [project.scores / "metrics.json"], self._log_scores)
        yield _Part("model", [project.model / "metrics.json"], self._log_model)
        yield _Part("judges", [project.judges / "metrics.json"], self._log_judges)
        yield _Part("history", [project.scores / "history.csv"], self._log_history)
        for name in ("targets", "intervals", "differences"):
            yield _Part(name, [project.scores / f"{name}.parquet"], self._log_table)
        timings = sorted(project.timing("any").parent.glob("*.json"))
        yield _Part("timings", timings, self._log_seconds)
        for index in sorted(project.visualizations("any").parent.glob("*/index.parquet")):
            yield _Part(f"images/{index.parent.name}", [index], self._log_images)
        figures = sorted((project.report / "figures").glob("*.png"))
        yield _Part("figures", figures, self._log_figure)
        yield _Part("report", [project.report / "index.html"], self._run.file)
        yield _Part("lock", [project.root / "dvc.lock"], self._log_lock)

    def _log_params(self, path: Path) -> None:
        self._run.params(read_params(path))
        self._run.file(path)

    def _log_scores(self, path: Path) -> None:
        scores = read_json(path)
        for method, values in scores.items():
            self._run.metrics({f"{method}.{name}": value for name, value in values.items()})
        table = pd.DataFrame.from_dict(scores, orient="index").rename_axis("method")
        self._run.table(table.reset_index(), "metrics")

    def _log_model(self, path: Path) -> None:
        self._run.metrics({f"model.{name}": value for name, value in read_json(path).items()})

    def _log_judges(self, path: Path) -> None:
        for judge, values in read_json(path).items():
            self._run.metrics({f"judges.{judge}.{name}": value for name, value in values.items()})

    def _log_seconds(self, path: Path) -> None:
        self._run.metrics({f"seconds.{path.stem}": read_json(path)["seconds"]})

    def _log_history(self, path: Path) -> None:
        table = pd.read_csv(path)
        is_class = is_of_class(table)
        self._log_curves(table[is_class], "")
        # They are matched at other taps with other weights: one mean over both would say nothing.
        self._log_curves(table[~is_class], "inner.")

    def _log_curves(self, table: pd.DataFrame, prefix: str) -> None:
        curves = table.groupby(["method", "step"]).mean(numeric_only=True)
        for method, losses in curves.filter(regex="^loss").groupby("method"):
            named = losses.droplevel("method").add_prefix(f"{method}.{prefix}")
            self._run.history(named.reset_index())

    def _log_table(self, path: Path) -> None:
        self._run.table(read_parquet(path), path.stem)

    def _log_images(self, path: Path) -> None:
        for row in read_parquet(path).to_dict("records"):
            key = "{method}-{tap}-{unit}-{seed}".format_map(row)
            self._log_image(named_path(path.parent, row["image"]), key)
            transparent = row.get("transparent")
            if not pd.isna(transparent):
                self._log_image(named_path(path.parent, transparent), f"{key}-transparent")

    def _log_figure(self, path: Path) -> None:
        self._log_image(path, f"figure-{path.stem}")

    def _log_image(self, path: Path, key: str) -> None:
        if _legal(key) not in self._shown:
            self._run.image(path, key)

    def _log_lock(self, path: Path) -> None:
        self._run.file(path)
        folder = self._project.images.relative_to(self._project.root)
        md5 = _locked_hash(_read_yaml(path), folder.as_posix())
        if md5:
            self._run.dataset("images", folder, md5, "reference")


def _skip_damaged(write: Callable[[Path], None], path: Path) -> None:
    """Log one file; one that cannot be read must not keep the others from being logged."""
    try:
        write(path)
    except (VitalError, LookupError, TypeError, ValueError, AttributeError) as error:
        log.warning("%s is left out of MLflow: %s", path, error)


def _locked_hash(lock: Mapping[str, Any], path: str) -> str | None:
    """DVC's hash of an output, as dvc.lock has it."""
    stages = (lock.get("stages") or {}).values()
    entries = (entry for stage in stages for entry in stage.get("outs") or ())
    return next((entry.get("md5") for entry in entries if entry["path"] == path), None)
