"""The pipeline as DVC runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from helpers.checkout import Checkout, environment
from vital.errors import ArtefactError
from vital.runtime.tensors import read_tensors

VISUALIZE = ("visualize@vital", "visualize@activation")
RESULTS = ("data/visualizations", "data/scores", "data/statistics", "data/model", "data/report")


def test_nothing_runs_when_nothing_changed(finished: Checkout) -> None:
    assert finished.stages_run("dvc", "repro") == ["inputs"]


def test_metrics_hold_a_row_per_method_and_one_for_real_images(finished: Checkout) -> None:
    metrics = json.loads(finished.read("data/scores/metrics.json"))
    assert set(metrics) == {"vital", "activation", "real"}
    for row in metrics.values():
        assert (row["n"], row["m"]) == (6, 3 * 5 - 6)


def test_changed_steps_rerun_what_depends_on_them(fresh: Checkout) -> None:
    fresh.edit("params.yaml", "steps: 60", "steps: 8")
    assert fresh.stages_run("dvc", "repro") == ["inputs", *VISUALIZE, "score", "report"]


def test_a_method_more_costs_that_method_only(fresh: Checkout) -> None:
    fresh.edit("params.yaml", "[vital, activation]", "[vital, activation, fourier]")
    ran = fresh.stages_run("dvc", "repro", "visualize@fourier")
    assert ran == ["inputs", "visualize@fourier"]
    assert len(fresh.files("data/visualizations/fourier/images")) == 6
    assert json.loads(fresh.read("data/timings/visualize@fourier.json"))["seconds"] > 0


def test_same_seed_gives_the_same_bytes(finished: Checkout, fresh: Checkout) -> None:
    fresh.run("rm", "-rf", ".vital", "data/visualizations", "data/statistics", "data/scores")
    for stage in ("extract", "visualize", "score", "report"):
        fresh.run("python3", "-m", f"stages.{stage}")
    for folder in RESULTS:
        assert fresh.files(folder) == finished.files(folder)


def test_an_added_unit_costs_its_own_targets_only(finished: Checkout, fresh: Checkout) -> None:
    fresh.edit("params.yaml", "  seeds: 2", "  units: [cat]\n  seeds: 2")
    fresh.run("rm", "-rf", ".vital")
    fresh.run("python3", "-m", "stages.visualize")
    alone = fresh.files("data/visualizations/vital/images")
    together = finished.files("data/visualizations/vital/images")
    assert len(alone) == 2
    assert alone.items() <= together.items()
    fresh.edit("params.yaml", "units: [cat]", "units: all")
    done = fresh.run("python3", "-m", "stages.visualize")
    assert "2 of 6 targets are in the work store" in done.stderr
    assert fresh.files("data/visualizations") == finished.files("data/visualizations")


def test_repro_works_without_activation(fresh: Checkout) -> None:
    (fresh.root / ".venv").symlink_to(sys.prefix)
    fresh.edit("params.yaml", "perplexity: 5.0", "perplexity: 4.0")
    programs = Path(sys.executable).parent
    path = [part for part in os.environ["PATH"].split(os.pathsep) if Path(part) != programs]
    done = subprocess.run(
        [programs / "dvc", "repro"], cwd=fresh.root, check=False, capture_output=True, text=True,
        env={**environment(), "PATH": os.pathsep.join(path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Running stage 'score'" in done.stdout


def test_experiments_run_directly_and_from_the_queue(fresh: Checkout) -> None:
    fresh.run("dvc", "exp", "run", "--name", "shorter", "-S", "visualize.steps=6", track=True)
    assert b"steps: 6" in fresh.read("params.yaml")
    fresh.run("git", "checkout", "-q", ".")
    fresh.run("dvc", "exp", "run", "--queue", "--name", "queued", "-S", "visualize.steps=7")
    fresh.run("dvc", "exp", "run", "--run-all", track=True)
    shown = json.loads(fresh.run("dvc", "exp", "show", "--json").stdout)
    text = json.dumps(shown)
    assert '"shorter"' in text
    assert '"queued"' in text
    stored = fresh.run("python3", "-c", _COUNT_PARENTS).stdout.split()
    assert stored == ["3"], "each state of the pipeline has its parent in the one store"


_COUNT_PARENTS = """
import os
from mlflow import MlflowClient
client = MlflowClient(f"sqlite:///{os.getcwd()}/mlflow.db")
experiment = client.get_experiment_by_name("vital")
runs = client.search_runs([experiment.experiment_id], "tags.`vital.kind` = 'pipeline'")
print(len(runs))
"""


def test_results_travel_through_a_remote(fresh: Checkout, tmp_path: Path) -> None:
    fresh.run("dvc", "remote", "add", "-d", "storage", str(tmp_path / "remote"))
    fresh.commit("remote")
    fresh.run("dvc", "push")
    other = Checkout(tmp_path / "clone")
    fresh.run("git", "clone", "-q", str(fresh.root), str(other.root))
    other.run("dvc", "pull")
    for folder in RESULTS:
        assert other.files(folder) == fresh.files(folder)
    assert other.stages_run("dvc", "repro") == ["inputs"]


def test_a_restored_run_has_the_same_final_metrics(fresh: Checkout) -> None:
    first = fresh.run("python3", "-c", _FINAL_METRICS).stdout
    fresh.edit("params.yaml", "steps: 60", "steps: 8")
    fresh.run("dvc", "repro")
    fresh.edit("params.yaml", "steps: 8", "steps: 60")
    assert fresh.stages_run("dvc", "repro") == ["inputs"]
    fresh.run("rm", "-f", "mlflow.db")
    fresh.run("python3", "-m", "vital.cli", "summary", track=True)
    assert fresh.run("python3", "-c", _FINAL_METRICS).stdout == first


_FINAL_METRICS = """
import os
from mlflow import MlflowClient
client = MlflowClient(f"sqlite:///{os.getcwd()}/mlflow.db")
experiment = client.get_experiment_by_name("vital")
runs = client.search_runs([experiment.experiment_id], "tags.`vital.kind` = 'pipeline'")
runs = [run for run in runs if run.data.params["visualize.steps"] == "60"]
names = [n for n in sorted(runs[0].data.metrics) if n.startswith(("vital.", "real.", "model."))]
print({name: runs[0].data.metrics[name] for name in names})
"""


def test_metrics_and_plots_are_declared(finished: Checkout) -> None:
    shown = finished.run("dvc", "metrics", "show").stdout
    assert "vital.accuracy_top1" in shown
    assert "visualize@activation.json" in shown
    plots = json.loads(finished.run("dvc", "plots", "show", "--json").stdout)["data"]
    for name, axes in {"loss": {"step", "loss"}, "embedding": {"x", "y"}}.items():
        (shown,) = (plot["content"]["data"]["values"] for plot in plots[name])
        assert axes <= set(shown[0])


@pytest.mark.parametrize("moment", [0.35, 0.6, 0.85])
def test_killed_visualize_resumes_to_the_same_bytes(
    finished: Checkout, fresh: Checkout, moment: float
) -> None:
    fresh.run("rm", "-rf", ".vital", "data/visualizations")
    _kill_after(fresh, moment)
    before = _progress(fresh.root)
    fresh.run("python3", "-m", "stages.visualize")
    assert before > 0
    assert fresh.files("data/visualizations") == finished.files("data/visualizations")


def _kill_after(checkout: Checkout, share: float) -> None:
    """Kill the stage once this share of all steps of all targets is in the work store."""
    wanted = share * 6 * 60
    process = subprocess.Popen(
        ["python3", "-m", "stages.visualize"], cwd=checkout.root, env=environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    while process.poll() is None and _progress(checkout.root) < wanted:
        time.sleep(0.02)
    assert process.poll() is None, "the stage ended before it could be killed"
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _progress(root: Path) -> int:
    """How many steps the work store holds, over all targets."""
    done = 0
    for entry in (root / ".vital" / "work").glob("*/*.safetensors"):
        try:
            _, words = read_tensors(entry)
        except (FileNotFoundError, ArtefactError):
            continue  # replaced by its successor while being looked at
        done += int(words["step"])
    return done
