"""Ray workers of this machine: which make batches, and what they give."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch

from vital.engine.local import Engine, Finished
from vital.engine.on_ray import RayEngine
from vital.runtime.cluster import Cluster


def on(cluster: Cluster, local: Engine) -> RayEngine:
    return RayEngine(cluster, local._method, local._params, local._store)


def assert_same(results: list[Finished], expected: list[Finished]) -> None:
    assert len(results) == len(expected)
    kept = {finished.target: finished for finished in expected}
    for one in results:
        other = kept[one.target]
        assert one.key == other.key
        assert torch.equal(one.image, other.image)
        assert torch.equal(one.sensitivity, other.sensitivity)
        assert list(one.record.items()) == list(other.record.items())
        assert one.history == other.history


def when(happens: Callable[[], bool], act: Callable[[], object]) -> threading.Thread:
    """Act from another thread as soon as something happens."""

    def watch() -> None:
        deadline = time.monotonic() + 30
        while not happens() and time.monotonic() < deadline:
            time.sleep(0.002)
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def checkpoints(folder: Path) -> list[Path]:
    return list(folder.rglob("*.checkpoint.safetensors"))


def workers() -> list[int]:
    """The processes of this machine that are making a batch."""
    names = {
        int(one.name): one / "cmdline" for one in Path("/proc").iterdir() if one.name.isdigit()
    }
    return [pid for pid, path in names.items() if path.read_bytes().startswith(b"ray::_make")]
