"""Stages whose parts are made on a Ray cluster end in the same bytes, whatever happens there."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from helpers.ray_workers import when, workers
from helpers.stopped_stages import (
    CONTENT,
    KilledError,
    Work,
    kept,
    passes,
    project,
    results,
    stage_of,
)
from stages.extract import extract
from stages.relevance import relevance
from vital.artefacts.project import Project
from vital.errors import Interrupted, ParamsError
from vital.params.base import check_block
from vital.params.extract import ExtractParams
from vital.params.ray import RayParams
from vital.params.relevance import RelevanceParams
from vital.runtime.cluster import Cluster
from vital.runtime.executors import ClusterExecutor
from vital.runtime.partial_results import PartialResults, Tensors

__all__ = ["project"]

WORKS = [extract, relevance]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[Cluster]:
    """Two workers, which the stages find running."""
    params = RayParams(workers=2, threads=torch.get_num_threads())
    with closing(Cluster(params, "extract")) as started:
        started.running()
        yield started


def on_ray(project: Project, work: Work, **ray: object) -> None:
    """Run a stage on the cluster."""
    name = work.__name__
    work(stage_of(project, **{name: {**CONTENT[name], "engine": "ray", "ray": ray}}))


@pytest.mark.parametrize("work", WORKS)
def test_the_bytes_are_those_of_this_process(project: Project, work: Work) -> None:
    work(stage_of(project))
    wanted = results(project, work)
    on_ray(project, work)
    assert results(project, work) == wanted
    assert kept(project) == []


@pytest.mark.parametrize("work", WORKS)
def test_begun_here_and_ended_on_the_cluster(project: Project, work: Work) -> None:
    with passes() as undisturbed:
        work(stage_of(project))
    wanted = results(project, work)
    with pytest.raises(KilledError), passes(until=int(0.7 * len(undisturbed))):
        work(stage_of(project))
    before = {path: path.stat().st_ino for path in kept(project)}
    assert before
    with pytest.raises(ParamsError, match="gpus"):
        on_ray(project, work, gpus=1.0)
    assert {path: path.stat().st_ino for path in kept(project)} == before
    on_ray(project, work)
    assert results(project, work) == wanted
    assert kept(project) == []


@pytest.mark.parametrize("work", WORKS)
def test_begun_on_the_cluster_and_ended_here(project: Project, work: Work) -> None:
    with passes() as undisturbed:
        work(stage_of(project))
    wanted = results(project, work)
    stopper = when(lambda: bool(kept(project)), lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted, match="SIGTERM"):
        on_ray(project, work)
    stopper.join()
    assert kept(project)
    with passes() as resumed:
        work(stage_of(project))
    assert len(resumed) < len(undisturbed)
    assert results(project, work) == wanted
    assert kept(project) == []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds processes by /proc")
@pytest.mark.parametrize("work", WORKS)
def test_a_killed_worker_s_task_is_made_again(project: Project, work: Work) -> None:
    work(stage_of(project))
    wanted = results(project, work)
    killed: list[int] = []

    def kill() -> None:
        for pid in workers():
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    killer = when(lambda: bool(workers()), kill)
    on_ray(project, work)
    killer.join()
    assert killed
    assert results(project, work) == wanted


@pytest.mark.parametrize("work", WORKS)
def test_gpus_go_with_the_device(project: Project, work: Work) -> None:
    with pytest.raises(ParamsError, match=rf"{work.__name__}\.ray\.gpus: 0\.5 .* device 'cpu'"):
        on_ray(project, work, gpus=0.5)


def test_where_work_runs_is_no_fact() -> None:
    elsewhere = {"engine": "ray", "ray": {"workers": 5}}
    for name, kind in (("extract", ExtractParams), ("relevance", RelevanceParams)):
        here = check_block(CONTENT[name], name, kind)
        there = check_block({**CONTENT[name], **elsewhere}, name, kind)
        assert here.facts() == there.facts()


class FarWorker:
    """A cluster of one worker, whose work store is its own."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.jobs: list[Sequence[str]] = []

    def places(self) -> int:
        return 1

    def results(self, begin: Any, jobs: Sequence[Sequence[str]], keep: Any) -> Iterator[Any]:
        make, _ = begin.args
        work = begin.func(make, PartialResults(self.store, "facts", "vital.units"))
        for job in reversed(jobs):  # the last ends first
            self.jobs.insert(0, job)
            yield keep(job, work(job))


def test_a_task_makes_parts_that_follow_each_other_and_they_are_saved_here(tmp_path: Path) -> None:
    def make(names: Sequence[str]) -> Iterator[Tensors]:
        return ({"value": torch.tensor([float(ord(name))])} for name in names)

    names = list("abcdefghij")
    parts, worker = (
        PartialResults(tmp_path / "here", "facts", "vital.units"),
        FarWorker(tmp_path / "there"),
    )
    parts.add("b", {"value": torch.tensor([-1.0])})
    found = [float(part["value"]) for part in ClusterExecutor(worker, 2)(names, make, parts)]  # type: ignore[arg-type]
    assert found == [-1.0 if name == "b" else float(ord(name)) for name in names]
    assert list(map(list, worker.jobs)) == [["a"], *map(list, ("cd", "ef", "gh", "ij"))]
    there = PartialResults(tmp_path / "there", "facts", "vital.units")
    assert [name for name in names if there.load(name) is None] == ["b"]
    assert all(parts.load(name) is not None for name in names)
