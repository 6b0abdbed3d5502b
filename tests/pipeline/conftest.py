"""A small copy of the project in which the whole pipeline runs in under a minute."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.checkout import copy_sources

SMALL_PARAMS = """\
seed: 0
data:
  source: photographs
  size: 32
  per_class: {train: 6, validation: 3, heldout: 5}
  classes: [brick wall, cat, pagoda]
model:
  name: timm/resnet10t
  kwargs: {channels: [8, 8, 16, 16], aa_layer: blurpool, output_stride: 16}
  train: {steps: 4, batch: 8, lr: 3.0e-3, noise: 0.4, shift: true}
extract: {taps: [input, conv1, layer2], references: 4, batch: 4}
references: {}
relevance: {}
units: {}
methods: [vital, activation]
visualize:
  seeds: 2
  steps: 60
  lr: 0.3
  jitter: 4
  weighting: inverse_variance
  tv: 3.0e-3
  batch: 4
  checkpoint_every: 4
  history_every: 4
peers: {activation: {steps: 5}}
judges: []
score: {perplexity: 5.0}
report: {references: 2}
"""


@dataclass(frozen=True)
class Checkout:
    """A git checkout with its own DVC and MLflow stores."""

    root: Path

    def run(self, *command: str, track: bool = False) -> subprocess.CompletedProcess[str]:
        """Run a command here, with the environment's programs on the PATH."""
        done = subprocess.run(
            command,
            cwd=self.root,
            env=environment(track),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(f"{command} failed:\n{done.stdout}\n{done.stderr}")
        return done

    def stages_run(self, *command: str) -> list[str]:
        """Run a DVC command and say which stages it ran."""
        output = self.run(*command).stdout
        lines = [line for line in output.splitlines() if line.startswith("Running stage")]
        return [line.split("'")[1] for line in lines]

    def read(self, path: str) -> bytes:
        """A file's bytes."""
        return (self.root / path).read_bytes()

    def hashes(self, folder: str) -> dict[str, bytes]:
        """The bytes of every file below a folder."""
        base = self.root / folder
        return {
            str(path.relative_to(base)): path.read_bytes()
            for path in sorted(base.rglob("*"))
            if path.is_file()
        }

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in a file; the text must be there."""
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text
        (self.root / path).write_text(text.replace(old, new), encoding="utf-8")


def environment(track: bool = False) -> dict[str, str]:
    """The tests' own interpreter first on the PATH; tracked in the checkout's own store or not."""
    programs = str(Path(sys.executable).parent)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    return {
        **kept,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "VITAL_TRACKING": "on" if track else "off",
    }


def _commit(checkout: Checkout, message: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
    checkout.run("git", "add", "-A")
    checkout.run("git", *identity, "commit", "-q", "-m", message)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout whose pipeline has run once and is committed; tests only read it."""
    root = tmp_path_factory.mktemp("pipeline") / "finished"
    root.mkdir()
    checkout = Checkout(root)
    copy_sources(root)
    (root / "params.yaml").write_text(SMALL_PARAMS, encoding="utf-8")
    checkout.run("git", "init", "-q", "-b", "main")
    _commit(checkout, "sources")
    checkout.run("dvc", "repro", track=True)
    _commit(checkout, "results")
    return checkout


@pytest.fixture
def fresh(finished: Checkout, tmp_path: Path) -> Checkout:
    """A copy of the finished checkout that a test may change."""
    root = tmp_path / "copy"
    shutil.copytree(finished.root, root, symlinks=True)
    return Checkout(root)


@pytest.fixture
def commit() -> Callable[[Checkout, str], None]:
    """Commit everything in a checkout."""
    return _commit
