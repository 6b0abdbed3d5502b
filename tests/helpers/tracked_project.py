"""A project whose runs are tracked, and a look into its store."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from ruamel.yaml import YAML

from vital.artefacts.project import Project
from vital.pipeline.tracking import away, experiment, stage_run, store
from vital.pipeline.tracking.store import tracking_uri
from vital.runtime.files import write_json
from vital.runtime.table_files import write_csv, write_parquet

PARAMS: dict[str, Any] = {
    "seed": 0,
    "data": {"source": "photographs", "classes": None},
    "model": {"name": "timm/resnet10t", "train": {"steps": 5, "lr": 0.1}},
    "units": {},
    "extract": {"taps": ["input", "layer1"]},
    "references": {},
    "relevance": {},
    "methods": ["vital"],
    "visualize": {"steps": 3, "tap_weights": {}},
    "peers": {},
    "judges": [],
    "score": {},
    "report": {},
}
PIPELINE = """
stages:
  prepare: {cmd: "true", outs: [data/images]}
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


def make_empty_store(path: Path) -> Path:
    """A database with MLflow's tables, which take seconds to make, and nothing in them."""
    os.environ.update(experiment._ENVIRONMENT)
    from mlflow import MlflowClient

    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


def forget_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings from outside, and no memory of stores that failed."""
    for name in list(os.environ):
        if name.startswith("DVC_") or name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
            monkeypatch.delenv(name)
    forget_failures(monkeypatch)


def begin_pipeline(monkeypatch: pytest.MonkeyPatch, pid: int) -> None:
    """As another run of DVC would, of this number."""
    forget_failures(monkeypatch)
    monkeypatch.setattr(away, "pipeline_owner", lambda: f"host:{pid}:2.00")


def forget_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a new process would."""
    monkeypatch.setattr(store, "_given_up", set())


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


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


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
