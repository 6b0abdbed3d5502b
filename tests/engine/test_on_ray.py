"""On a Ray cluster the same bytes are made, whatever happens to its workers."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import ray
import torch

from helpers.ray_workers import assert_same, checkpoints, on, when, workers
from vital.engine.local import Engine
from vital.engine.on_ray import engines
from vital.errors import Interrupted, ParamsError
from vital.params.base import check_block
from vital.params.ray import RayParams
from vital.params.visualize import VisualizeParams
from vital.runtime.cluster import Cluster
from vital.units import Target, Unit

Build = Callable[..., Engine]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with closing(
        Cluster(RayParams(workers=2, threads=torch.get_num_threads()), "visualize")
    ) as started:
        yield started


@pytest.mark.parametrize("numbers", ["pixels", "fourier"])
def test_the_bytes_are_those_of_the_local_engine(
    cluster: Cluster, engine: Build, units: list[Unit], numbers: str
) -> None:
    targets = [Target(unit, seed) for unit in units for seed in (0, 1)]
    expected = list(engine("local", parametrization=numbers).run(targets))
    made = list(on(cluster, engine("ray", parametrization=numbers)).run(targets))
    assert_same(made, expected)


def test_what_is_finished_is_not_made_again(
    cluster: Cluster, engine: Build, units: list[Unit], tmp_path: Path
) -> None:
    first, second = Target(units[0], 0), Target(units[1], 0)
    expected = list(engine().run([first]))
    (entry,) = (tmp_path / "work").rglob("*.finished.safetensors")
    written = entry.stat().st_ino
    results = list(on(cluster, engine()).run([first, second]))
    assert [one.target for one in results] == [first, second]
    assert_same(results[:1], expected)
    assert entry.stat().st_ino == written


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes by /proc")
def test_a_killed_worker_s_batch_goes_on_from_its_checkpoint(
    cluster: Cluster, engine: Build, units: list[Unit], tmp_path: Path
) -> None:
    targets = [Target(units[0], seed) for seed in range(3)]
    expected = list(engine("local", steps=300).run(targets))
    killed: list[int] = []

    def kill() -> None:
        for pid in workers():
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    killer = when(lambda: bool(checkpoints(tmp_path / "ray")), kill)
    results = list(on(cluster, engine("ray", steps=300)).run(targets))
    killer.join()
    assert killed
    assert_same(results, expected)
    assert not checkpoints(tmp_path / "ray")


def test_a_signal_stops_workers_at_a_step_that_they_save(
    cluster: Cluster, engine: Build, units: list[Unit], tmp_path: Path
) -> None:
    targets = [Target(units[0], seed) for seed in range(3)]
    changes = {"steps": 400, "checkpoint_every": 4}
    expected = list(engine("local", **changes).run(targets))
    started = when(
        lambda: bool(checkpoints(tmp_path / "ray")), lambda: os.kill(os.getpid(), signal.SIGTERM)
    )
    with pytest.raises(Interrupted, match="SIGTERM") as caught:
        list(on(cluster, engine("ray", **changes)).run(targets))
    started.join()
    assert caught.value.number == signal.SIGTERM
    steps = {engine("ray", **changes)._start(target).step for target in targets}
    assert len(steps) == 1
    assert 0 < steps.pop() < 400
    assert_same(list(on(cluster, engine("ray", **changes)).run(targets)), expected)


def test_an_error_in_a_worker_is_raised_as_it_was(
    cluster: Cluster, engine: Build, units: list[Unit]
) -> None:
    with pytest.raises(ParamsError, match=r"extract\.pools must hold 2"):
        list(on(cluster, engine(coarse={"steps": 4})).run([Target(units[0], 0)]))


def test_gpus_go_with_the_device(engine: Build) -> None:
    with pytest.raises(ParamsError, match=r"visualize\.ray\.gpus: 0\.5 .* device 'cpu'"):
        on(Cluster(RayParams(gpus=0.5), "visualize"), engine())


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    block = {"steps": 1, "lr": 0.1, "engine": "ray"}
    params = check_block(block, "visualize", VisualizeParams)
    with pytest.raises(ParamsError, match=r"pip install 'vital\[ray\]'"), engines(params):
        pass


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ray": {"worker": 2}}, r"visualize\.ray\.worker; did you mean 'workers'"),
        ({"engine": "dask"}, r"visualize\.engine: 'dask' cannot be used"),
        ({"ray": {"retries": -1}}, r"visualize\.ray\.retries: -1"),
        ({"engine": "ray", "compile": True}, "compile: true needs engine: local"),
    ],
)
def test_what_cannot_be_used_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        check_block({"steps": 1, "lr": 0.1, **changes}, "visualize", VisualizeParams)


def test_ray_is_what_the_cluster_runs_on(cluster: Cluster) -> None:
    assert Cluster(RayParams(), "visualize").threads == torch.get_num_threads()
    cluster.running()
    assert ray.cluster_resources()["CPU"] == 2 * cluster.threads
