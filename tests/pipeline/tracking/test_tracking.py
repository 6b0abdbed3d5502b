"""Tracking with real SQLite stores, and with servers that are not there."""

from __future__ import annotations

import datetime
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from PIL import Image
from ruamel.yaml import YAML

from vital.artefacts.project import Project
from vital.pipeline import tracking
from vital.pipeline.tracking import complete_parent, is_complete, stage_run, tracking_uri
from vital.runtime.files import read_json, read_parquet, write_csv, write_json, write_parquet

PARAMS: dict[str, Any] = {
    "seed": 0,
    "data": {"source": "photographs", "classes": None},
    "model": {"name": "timm/resnet10t", "train": {"steps": 5, "lr": 0.1}},
    "units": {},
    "extract": {"taps": ["input", "layer1"]},
    "references": {},
    "relevance": {},
    "methods": ["vital"],
    "visualize": {"steps": 3, "weights": {}},
    "peers": {},
    "judges": [],
    "score": {},
    "report": {},
}
PIPELINE = """
stages:
  prepare: {cmd: "true", deps: [prepare.py], outs: [data/images]}
  visualize:
    matrix: {method: [vital, maco]}
    cmd: "true"
    deps: [data/images/manifest.parquet]
    outs: ["data/visualizations/${item.method}"]
  score: {cmd: "true", deps: [data/visualizations, "methods/${item}.py"], metrics: [m.json: {}]}
"""
LOCK = """
stages:
  prepare:
    outs: [{path: data/images, md5: 5c6265bcb29bb3ad585be4efb1bd9225.dir}]
"""
HISTORY = pd.DataFrame(
    {
        "method": ["vital"] * 4,
        "target": ["class/0/0", "class/0/0", "class/1/0", "class/1/0"],
        "step": [0, 10, 0, 10],
        "loss": [4.0, 2.0, 2.0, 1.0],
        "loss_layer1": [1.0, np.nan, 3.0, np.nan],
    }
)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store's tables, made once."""
    os.environ.update(tracking._ENVIRONMENT)
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(autouse=True)
def clean_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings from outside, and no memory of stores that failed."""
    for name in list(os.environ):
        if name.startswith("DVC_") or name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
            monkeypatch.delenv(name)
    forget_failures(monkeypatch)


def forget_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a new process would."""
    monkeypatch.setattr(tracking, "_given_up", set())


def make_project(root: Path) -> Project:
    root.mkdir(parents=True, exist_ok=True)
    project = Project(root)
    write_params(project)
    (root / "dvc.yaml").write_text(PIPELINE)
    (root / "prepare.py").write_text("pass\n")
    return project


def write_params(project: Project, **blocks: Any) -> None:
    with project.params.open("w") as handle:
        YAML().dump(PARAMS | blocks, handle)


@pytest.fixture
def project(tmp_path: Path, empty_store: Path) -> Project:
    made = make_project(tmp_path / "project")
    shutil.copy(empty_store, made.root / "mlflow.db")
    return made


def write_results(project: Project) -> None:
    """What a pipeline of one method and two targets leaves behind."""
    write_json(
        project.scores / "metrics.json",
        {"vital": {"accuracy_top1": 0.5, "kid": None, "n": 2}, "real": {"accuracy_top1": 1.0}},
    )
    write_json(project.model / "metrics.json", {"accuracy_top1": 0.9})
    write_json(project.timing("visualize"), {"seconds": 12.5})
    write_csv(project.scores / "history.csv", HISTORY)
    write_parquet(project.scores / "targets.parquet", pd.DataFrame({"target": ["a"], "x": [1.0]}))
    folder = project.visualizations("vital")
    rows = [
        {"method": "vital", "tap": "fc:0", "unit": unit, "seed": 0, "image": f"images/{unit}.png"}
        for unit in (0, 1)
    ]
    for row in rows:
        write_picture(folder / row["image"])
    write_parquet(folder / "index.parquet", pd.DataFrame(rows))
    write_picture(project.report / "figures" / "embedding.png")
    (project.report / "index.html").write_text("<p>report</p>")
    (project.root / "dvc.lock").write_text(LOCK)


def write_picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "red").save(path)


class Store:
    """What a project's store holds."""

    def __init__(self, project: Project) -> None:
        from mlflow import MlflowClient

        self.client = MlflowClient(tracking_uri(project))

    def runs(self, wanted: str = "") -> list[Any]:
        experiment = self.client.get_experiment_by_name("vital")
        return list(self.client.search_runs([experiment.experiment_id], wanted))

    def parents(self) -> list[Any]:
        return [run for run in self.runs() if "mlflow.parentRunId" not in run.data.tags]

    def children(self) -> list[Any]:
        return [run for run in self.runs() if "mlflow.parentRunId" in run.data.tags]

    def curve(self, run: Any, key: str) -> list[tuple[int, float]]:
        points = self.client.get_metric_history(run.info.run_id, key)
        return sorted((point.step, point.value) for point in points)

    def files(self, run: Any, folder: str | None = None) -> list[str]:
        return [entry.path for entry in self.client.list_artifacts(run.info.run_id, folder)]

    def table(self, run: Any, name: str) -> pd.DataFrame:
        return pd.read_json(Path(run.info.artifact_uri) / f"{name}.json", orient="split")

    def image_keys(self, run: Any) -> list[str]:
        pictures = [name for name in self.files(run, "images") if name.endswith(".png")]
        return sorted(name.removeprefix("images/").partition("+")[0] for name in pictures)

    def shown(self, run: Any) -> tuple[Any, ...]:
        """All that a person sees of a run."""
        curves = {key: self.curve(run, key) for key in run.data.metrics}
        return run.data.params, curves, self.image_keys(run), sorted(self.files(run))


# --- Runs of stages ------------------------------------------------------------------------------


def test_a_stage_is_a_child_with_all_that_it_logs(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DVC_STAGE", "visualize@vital")
    monkeypatch.setenv("DVC_EXP_NAME", "brave-name")
    write_picture(project.root / "a.png")
    table = HISTORY[["step", "method", "loss"]].iloc[:2]
    params = {
        "visualize": {"steps": 3, "taps": ["a", "b"], "note": "x" * 7000, "none": None, "no": ""}
    }
    with stage_run(project, "visualize", params) as run:
        run.metrics({"kid": 0.25, "a/b@c": 1, "none": None, "nan": float("nan")})
        run.metrics({"kid": 0.5}, step=3)
        run.history(table)
        run.image(project.root / "a.png", "vital-fc/0")
        run.table(table, "losses")
        run.file(project.params, "settings")
        run.dataset("images", Path("data/images"), "0" * 32 + ".dir", "reference")

    store = Store(project)
    [parent], [child] = store.parents(), store.children()
    tags, this = child.data.tags, psutil.Process()
    assert (parent.info.status, child.info.status) == ("RUNNING", "FINISHED")
    assert tags["mlflow.parentRunId"] == parent.info.run_id
    assert tags["mlflow.runName"] == tags["vital.stage"] == "visualize"
    assert tags["vital.pipeline"] == parent.data.tags["vital.pipeline"]
    assert (tags["dvc.stage"], tags["dvc.exp"]) == ("visualize@vital", "brave-name")
    assert tags["vital.owner"].startswith(f"{socket.gethostname()}:{this.pid}:")
    assert "git.rev" not in tags
    assert child.data.params == {
        "visualize.steps": "3",
        "visualize.taps": '["a", "b"]',
        "visualize.note": "x" * 6000,
        "visualize.none": "null",
        "visualize.no": "",
    }
    assert child.data.metrics == {"kid": 0.5, "a_b_c": 1.0, "loss": 2.0}
    assert store.curve(child, "loss") == [(0, 4.0), (10, 2.0)]
    assert store.image_keys(child) == ["vital-fc_0"]
    assert store.table(child, "losses")["step"].tolist() == [
        0,
        10,
    ]
    assert store.files(child, "settings") == ["settings/params.yaml"]
    [used] = child.inputs.dataset_inputs
    assert (used.dataset.name, used.dataset.digest) == ("images", "0" * 32 + ".dir")
    assert [tag.value for tag in used.tags] == ["reference"]
    assert child.info.artifact_uri.startswith(str(project.home / "mlartifacts"))


def test_more_points_and_parameters_than_one_request_takes(project: Project) -> None:
    table = pd.DataFrame({"at": range(1200), "loss": np.linspace(1, 0, 1200)})
    with stage_run(project, "model", {"model": {f"p{i}": i for i in range(150)}}) as run:
        run.history(table, step="at")
    [child] = Store(project).children()
    assert len(child.data.params) == 150
    assert len(Store(project).curve(child, "loss")) == 1200


def test_a_state_has_one_parent(project: Project) -> None:
    for stage in ("prepare", "model", "prepare"):
        with stage_run(project, stage, {}):
            pass
    store = Store(project)
    assert len(store.parents()) == 1
    assert sorted(run.info.run_name for run in store.children()) == ["model", "prepare", "prepare"]

    write_params(project, seed=1)
    with stage_run(project, "prepare", {}):
        pass
    assert len(store.parents()) == 2


def test_of_two_parents_made_at_once_the_oldest_wins(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stage_run(project, "prepare", {}):
        pass
    find, blind = tracking._Experiment._oldest_parent, iter([True])
    monkeypatch.setattr(
        tracking._Experiment,
        "_oldest_parent",
        lambda self, state: None if next(blind, False) else find(self, state),
    )
    with stage_run(project, "model", {}):
        pass
    store = Store(project)
    [parent] = store.parents()
    assert {run.data.tags["mlflow.parentRunId"] for run in store.children()} == {parent.info.run_id}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ZeroDivisionError("mine"), "FAILED"),
        (KeyboardInterrupt(), "KILLED"),
        (SystemExit(128 + signal.SIGTERM), "KILLED"),
        (SystemExit("model: cannot be read"), "FAILED"),
        (SystemExit(0), "FINISHED"),
        (StopIteration(), "FAILED"),
    ],
)
def test_a_run_ends_as_its_stage_does(project: Project, error: BaseException, status: str) -> None:
    with pytest.raises(type(error)) as raised, stage_run(project, "model", {}):
        raise error
    assert raised.value is error
    [parent], [child] = Store(project).parents(), Store(project).children()
    assert child.info.status == status
    assert parent.info.status == ("RUNNING" if status == "FINISHED" else status)


def test_a_failed_pipeline_goes_on_in_its_parent(project: Project) -> None:
    with pytest.raises(ValueError), stage_run(project, "model", {}):
        raise ValueError
    with stage_run(project, "model", {}):
        pass
    [parent] = Store(project).parents()
    assert parent.info.status == "RUNNING"


def test_pictures_that_cannot_be_read_cost_a_line_only(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    (project.root / "damaged.png").write_bytes(b"no picture")
    with stage_run(project, "model", {}) as run:
        run.image(project.root / "missing.png", "missing")
        run.image(project.root / "damaged.png", "damaged")
        run.file(project.root / "missing.txt")
        run.metrics({"after": 1})
    [child] = Store(project).children()
    assert child.data.metrics == {"after": 1}
    assert len([entry for entry in caplog.records if entry.levelno == logging.WARNING]) == 2


def test_an_experiment_of_another_name(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    with stage_run(project, "model", {}):
        pass
    assert Store(project).client.get_experiment_by_name("mine") is not None


# --- Processes that are gone ---------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from vital.artefacts.project import Project
from vital.pipeline.tracking import stage_run
with stage_run(Project(Path(sys.argv[1])), "visualize", {}):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_the_runs_of_a_killed_process_are_ended(project: Project) -> None:
    done = run_python(KILLED, project.root)
    assert done.returncode == -signal.SIGKILL, done.stderr
    store = Store(project)
    assert {run.info.status for run in store.runs()} == {"RUNNING"}

    # The same state again: its parent is taken over.
    with stage_run(project, "visualize", {}):
        [parent] = store.parents()
        assert sorted(run.info.status for run in store.children()) == ["KILLED", "RUNNING"]
        assert parent.info.status == "RUNNING"
        assert parent.data.tags["vital.owner"].split(":")[1] == str(os.getpid())


def test_abandoned_parents_of_other_states(project: Project) -> None:
    host, pid = socket.gethostname(), os.getpid()
    # This process's number, but of one that started long ago; and one on another machine.
    statuses = {f"{host}:{pid}:1.00": "KILLED", f"elsewhere:{pid}:1.00": "RUNNING"}
    for seed, owner in enumerate(statuses):
        write_params(project, seed=seed)
        with stage_run(project, "prepare", {}) as run:
            parent = Store(project).client.get_run(run.tags["mlflow.parentRunId"])
        Store(project).client.set_tag(parent.info.run_id, "vital.owner", owner)
    write_params(project, seed=5)
    with stage_run(project, "prepare", {}):
        pass
    parents = Store(project).parents()
    found = {run.data.tags["vital.owner"]: run.info.status for run in parents}
    assert found.items() >= statuses.items()


# --- The parent from files -----------------------------------------------------------------------


def test_the_parent_from_files(project: Project) -> None:
    write_results(project)
    complete_parent(project)

    store = Store(project)
    [parent] = store.runs()
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics == {
        "vital.accuracy_top1": 0.5,
        "vital.n": 2.0,
        "real.accuracy_top1": 1.0,
        "model.accuracy_top1": 0.9,
        "seconds.visualize": 12.5,
        "vital.loss": 1.5,
        "vital.loss_layer1": 2.0,
    }
    assert store.curve(parent, "vital.loss") == [(0, 3.0), (10, 1.5)]
    assert (
        parent.data.params.items() >= {"model.train.steps": "5", "visualize.weights": "{}"}.items()
    )
    assert store.image_keys(parent) == ["figure-embedding", "vital-fc_0-0-0", "vital-fc_0-1-0"]
    wanted = {"params.yaml", "index.html", "dvc.lock", "metrics.json", "targets.json"}
    assert wanted <= set(store.files(parent))
    [used] = parent.inputs.dataset_inputs
    assert used.dataset.digest == "5c6265bcb29bb3ad585be4efb1bd9225.dir"
    table = store.table(parent, "metrics")
    assert table["method"].tolist() == ["vital", "real"]


def test_inner_units_have_pictures_and_curves_of_their_own(project: Project) -> None:
    write_results(project)
    inner = HISTORY.assign(target="layer3.1/17/0", loss=1e6, loss_layer1=8.0)
    write_csv(project.scores / "history.csv", pd.concat([HISTORY, inner]))
    folder = project.visualizations("vital")
    row = {"method": "vital", "tap": "layer3.1", "unit": 17, "seed": 1, "probability": np.nan}
    row |= {"image": "images/inner.png", "transparent": "transparent/inner.png"}
    classes = read_parquet(folder / "index.parquet").assign(transparent=None, probability=0.5)
    write_picture(folder / row["image"])
    write_picture(folder / row["transparent"])
    write_parquet(folder / "index.parquet", pd.concat([classes, pd.DataFrame([row])]))
    complete_parent(project)

    store = Store(project)
    [parent] = store.runs()
    inner_keys = ["vital-layer3.1-17-1", "vital-layer3.1-17-1-transparent"]
    shown = ["figure-embedding", "vital-fc_0-0-0", "vital-fc_0-1-0", *inner_keys]
    assert store.image_keys(parent) == shown
    assert parent.data.metrics["vital.loss"] == 1.5
    assert parent.data.metrics["vital.inner.loss"] == 1e6
    assert parent.data.metrics["vital.inner.loss_layer1"] == 8.0
    assert not any(np.isnan(value) for value in parent.data.metrics.values())
    assert not any("probability" in name for name in parent.data.metrics)


def test_judges_and_intervals_are_shown(project: Project) -> None:
    write_results(project)
    write_json(project.judges / "metrics.json", {"twin": {"accuracy_top1": 0.75}})
    for name in ("intervals", "differences"):
        write_parquet(project.scores / f"{name}.parquet", pd.DataFrame({"metric": [name]}))
    complete_parent(project)
    store = Store(project)
    [parent] = store.runs()
    assert parent.data.metrics["judges.twin.accuracy_top1"] == 0.75
    for name in ("intervals", "differences"):
        assert store.table(parent, name)["metric"].tolist() == [name]


def test_a_picture_outside_of_its_folder_is_left_out(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    write_results(project)
    index = project.visualizations("vital") / "index.parquet"
    write_parquet(index, read_parquet(index).assign(image="../../../secret.png"))
    write_picture(project.root / "secret.png")
    complete_parent(project)
    store = Store(project)
    [parent] = store.runs()
    assert store.image_keys(parent) == ["figure-embedding"]
    assert "lies outside" in caplog.text


def test_with_stages_logged_the_parent_shows_the_same(
    project: Project, tmp_path: Path, empty_store: Path
) -> None:
    other = make_project(tmp_path / "other")
    shutil.copy(empty_store, other.root / "mlflow.db")
    for each in (project, other):
        write_results(each)
    with stage_run(project, "visualize", {"visualize": PARAMS["visualize"]}) as run:
        run.metrics({"loss": 1.0})
    for each in (project, other):
        complete_parent(each)
    stores = [Store(project), Store(other)]
    logged, from_files = (store.shown(store.parents()[0]) for store in stores)
    assert logged == from_files


def test_completing_twice_changes_nothing(project: Project) -> None:
    write_results(project)
    complete_parent(project)
    store = Store(project)
    before = store.shown(store.parents()[0])
    complete_parent(project)
    [parent] = store.runs()
    assert store.shown(parent) == before
    assert parent.info.status == "FINISHED"


def test_completing_goes_on_after_it_was_cut_short(project: Project) -> None:
    write_results(project)
    complete_parent(project)
    store = Store(project)
    [parent] = store.parents()
    before = store.shown(parent)
    store.client.set_tag(parent.info.run_id, "vital.completed", "{}")
    complete_parent(project)
    [parent] = store.parents()
    _, curves, images, files = store.shown(parent)
    assert (images, files) == before[2:]
    assert curves["vital.loss"] == before[1]["vital.loss"]
    assert len(store.table(parent, "metrics")) == 2


def test_only_what_changed_is_logged_again(project: Project) -> None:
    write_results(project)
    complete_parent(project)
    scores = read_json(project.scores / "metrics.json")
    scores["vital"]["accuracy_top1"] = 0.75
    write_json(project.scores / "metrics.json", scores)
    complete_parent(project)
    store = Store(project)
    [parent] = store.parents()
    assert parent.data.metrics["vital.accuracy_top1"] == 0.75
    assert len(store.image_keys(parent)) == 3
    table = store.table(parent, "metrics")
    assert table["accuracy_top1"].tolist() == [0.75, 1.0]


def test_missing_and_damaged_files_are_left_out(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    write_results(project)
    (project.scores / "metrics.json").write_text("{")
    (project.scores / "targets.parquet").write_bytes(b"?")
    (project.scores / "history.csv").unlink()
    complete_parent(project)
    [parent] = Store(project).parents()
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics == {"model.accuracy_top1": 0.9, "seconds.visualize": 12.5}
    for name in ("metrics.json", "targets.parquet", "history.csv"):
        assert name in caplog.text


def test_a_project_without_results(project: Project) -> None:
    write_params(project, data={"since": datetime.date(2020, 1, 2)})
    complete_parent(project)
    [parent] = Store(project).parents()
    assert parent.info.status == "FINISHED"
    assert parent.data.params.items() >= {"seed": "0", "data.since": '"2020-01-02"'}.items()


# --- Which state it is ---------------------------------------------------------------------------


def test_what_makes_a_state_complete(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_complete(project)
    complete_parent(project)
    assert is_complete(project)

    write_params(project, seed=1)
    assert not is_complete(project)
    write_params(project)
    (project.root / "prepare.py").write_text("changed\n")
    assert not is_complete(project)
    (project.root / "prepare.py").write_text("pass\n")
    # What stages make follows from the rest.
    write_results(project)
    assert is_complete(project)

    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
        assert not is_complete(project)
    with stage_run(project, "prepare", {}):
        pass
    assert not is_complete(project)


def test_a_templated_input_stands_for_its_folder(project: Project) -> None:
    (project.root / "methods").mkdir()
    complete_parent(project)
    (project.root / "methods" / "maco.py").write_text("pass\n")
    assert not is_complete(project)


def test_a_folder_has_the_hash_that_dvc_gives_it(tmp_path: Path) -> None:
    for name, text in {"a.txt": "one", "sub/b.txt": "two", "sub-c.txt": "x"}.items():
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_text(text)
    known = "5c6265bcb29bb3ad585be4efb1bd9225.dir"
    assert tracking._dvc_hash(tmp_path / "f") == known
    (tmp_path / "g.dvc").write_text(f"outs: [{{md5: {known}, path: g}}]")
    assert tracking._dvc_hash(tmp_path / "g") == known


def test_a_repository_is_named(project: Project) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        command = ["git", "-C", str(project.root), *identity, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init", "-q")
    git("add", "params.yaml", "dvc.yaml", "prepare.py")
    git("commit", "-q", "-m", "first")
    with stage_run(project, "prepare", {}):
        pass
    (project.root / "dvc.yaml").write_text(PIPELINE + "\n")
    with stage_run(project, "model", {}):
        pass
    store = Store(project)
    tags = {run.info.run_name: run.data.tags for run in store.children()}
    assert len(store.parents()) == 1
    assert tags["prepare"]["git.rev"] == git("rev-parse", "HEAD")
    assert tags["prepare"]["mlflow.source.git.commit"] == git("rev-parse", "HEAD")
    assert (tags["prepare"]["git.dirty"], tags["model"]["git.dirty"]) == ("false", "true")

    git("commit", "-q", "-a", "-m", "second")
    with stage_run(project, "prepare", {}):
        pass
    assert len(store.parents()) == 2


def test_without_git(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(project.root))
    complete_parent(project)
    assert is_complete(project)


def test_an_experiment_in_a_copy_uses_the_store_around_it(project: Project) -> None:
    copy = make_project(project.root / ".dvc" / "tmp" / "exps" / "tmp123")
    assert tracking_uri(copy) == tracking_uri(project)
    with stage_run(copy, "prepare", {}):
        pass
    [child] = Store(project).children()
    assert child.info.artifact_uri.startswith(str(project.home / "mlartifacts"))
    assert not (copy.root / ".vital").exists()


# --- Stores that cannot be used ------------------------------------------------------------------


@pytest.fixture
def closed_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def silent_server() -> Iterator[str]:
    """It takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://user:secret@127.0.0.1:{server.getsockname()[1]}"


AWAY = """
import logging, sys, time
from pathlib import Path
logging.basicConfig(level=logging.WARNING)
from vital.artefacts.project import Project
from vital.pipeline.tracking import complete_parent, is_complete, stage_run
project = Project(Path(sys.argv[1]))
started = time.monotonic()
with stage_run(project, "model", {"model": {}}) as run:
    run.metrics({"loss": 1.0})
complete_parent(project)
assert not is_complete(project)
assert "mlflow" not in sys.modules
print(time.monotonic() - started)
"""


def log_six_stages(project: Project, monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds that six stages lose, each as if in a process of its own."""
    started = time.monotonic()
    for _ in range(6):
        forget_failures(monkeypatch)
        with stage_run(project, "model", {"model": {}}) as run:
            assert not run.is_logging
            run.metrics({"loss": 1.0})
            run.history(HISTORY)
            run.image(Path("missing.png"), "key")
    return time.monotonic() - started


@pytest.mark.parametrize("kind", ["closed_port", "silent_server"])
def test_a_server_that_is_away(
    project: Project,
    kind: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    uri = request.getfixturevalue(kind)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert log_six_stages(project, monkeypatch) < 8
    complete_parent(project)
    assert not is_complete(project)
    warnings = [entry.message for entry in caplog.records if entry.levelno == logging.WARNING]
    assert len(warnings) == 6
    address = uri.rpartition("@")[2].removeprefix("http://")
    for line in warnings:
        assert f"MLflow at http://{address} " in line
        assert "in the files" in line and "next run" in line
        assert "secret" not in line


def test_a_stage_whose_server_is_away_does_not_even_load_mlflow(
    project: Project, silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", silent_server)
    done = run_python(AWAY, project.root)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 5
    assert done.stderr.count("\n") == 1


def test_a_stage_fails_as_ever_while_the_server_is_away(
    project: Project, closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", closed_port)
    with pytest.raises(ZeroDivisionError), stage_run(project, "model", {}):
        raise ZeroDivisionError


def test_the_next_run_catches_up(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(project)
    store, hidden = project.root / "mlflow.db", project.root / "hidden.db"
    store.rename(hidden)
    store.mkdir()  # cannot be opened
    assert log_six_stages(project, monkeypatch) < 8
    complete_parent(project)
    assert not is_complete(project)

    store.rmdir()
    hidden.rename(store)
    forget_failures(monkeypatch)
    later = time.time() + tracking._AWAY_SECONDS
    monkeypatch.setattr(tracking.time, "time", lambda: later)
    complete_parent(project)
    assert is_complete(project)
    [parent] = Store(project).runs()
    assert parent.data.metrics["vital.accuracy_top1"] == 0.5
    assert len(Store(project).image_keys(parent)) == 3


def test_another_pipeline_asks_the_server_again(
    project: Project, closed_port: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tracking, "_ask", lambda uri: asked.append(uri) or "away")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", closed_port)
    log_six_stages(project, monkeypatch)
    assert len(asked) == 1
    monkeypatch.setattr(tracking, "_name_process", lambda process: "host:1:2.00")
    log_six_stages(project, monkeypatch)
    assert len(asked) == 2


def test_a_store_that_breaks_during_a_stage(
    project: Project, caplog: pytest.LogCaptureFixture
) -> None:
    with stage_run(project, "model", {}) as run:
        run.metrics({"before": 1.0})
        (project.root / "mlflow.db").write_bytes(b"no database" * 1000)
        started = time.monotonic()
        for step in range(20):
            run.metrics({"after": 1.0}, step=step)
            run.history(HISTORY)
    with stage_run(project, "score", {}) as later:
        assert not later.is_logging
    assert time.monotonic() - started < 10
    warnings = [entry for entry in caplog.records if entry.name == "vital.pipeline.tracking"]
    assert len(warnings) == 1


def test_mlflow_is_told_to_stay_at_home(project: Project) -> None:
    with stage_run(project, "model", {}):
        pass
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == os.environ["DO_NOT_TRACK"] == "true"


def test_the_pipelines_process_is_dvc(monkeypatch: pytest.MonkeyPatch) -> None:
    class Process:
        def __init__(self, *command: str) -> None:
            self.command = command

        def cmdline(self) -> tuple[str, ...]:
            return self.command

    assert tracking._is_dvc(Process("python", "/x/.venv/bin/dvc", "repro"))
    assert tracking._is_dvc(Process("python", "-m", "dvc", "repro"))
    assert tracking._is_dvc(Process("python", "/x/site-packages/dvc/__main__.py", "queue"))
    assert not tracking._is_dvc(Process("sh", "-c", "cd /x/.dvc/tmp && python -m stages.model"))


def test_completed_parts_fit_into_a_tag(project: Project) -> None:
    write_results(project)
    complete_parent(project)
    [parent] = Store(project).parents()
    assert len(json.loads(parent.data.tags["vital.completed"])) == 10
