"""A cluster of ``ray start`` is joined by its address, and nodes that come late take work."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import torch

from helpers.ray_workers import assert_same, on
from vital.engine.local import Engine
from vital.params.ray import RayParams
from vital.runtime.cluster import Cluster
from vital.units import Target, Unit

RAY = str(Path(sys.executable).with_name("ray"))
PORT = 6399

pytestmark = pytest.mark.slow


def ray(*arguments: str) -> None:
    subprocess.run([RAY, *arguments], check=True, capture_output=True, timeout=120)


def start_node(*options: str) -> None:
    ray("start", *options, "--disable-usage-stats")


@pytest.fixture
def head() -> Iterator[str]:
    """The address of a cluster whose only node has no CPU to give."""
    start_node("--head", f"--port={PORT}", "--num-cpus=0", "--include-dashboard=false")
    yield f"127.0.0.1:{PORT}"
    ray("stop", "--force")


def test_a_node_that_joins_late_makes_the_same_bytes(
    head: str, engine: Callable[..., Engine], units: list[Unit]
) -> None:
    targets = [Target(unit, seed) for unit in units for seed in (0, 1)]
    expected = list(engine("local").run(targets))
    late = threading.Timer(10, start_node, [f"--address={head}", "--num-cpus=1"])
    params = RayParams(address="auto", threads=torch.get_num_threads())
    with closing(Cluster(params, "visualize")) as cluster:
        late.start()
        results = list(on(cluster, engine("ray")).run(targets))
    late.join()
    assert_same(results, expected)
