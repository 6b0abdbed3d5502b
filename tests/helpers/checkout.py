"""A git checkout in which the pipeline runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.checkout import PIPELINE, copy_sources
from helpers.files import files_below

_NO_RESULTS = ("timings/", ".gitignore")
"""What lies below data and no stage depends on: how long a stage took, and git's own file."""

_IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")


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

    def files(self, folder: str) -> dict[str, bytes]:
        """The bytes of every file below a folder."""
        return files_below(self.root / folder)

    def results(self) -> dict[str, bytes]:
        """The bytes of all that the pipeline wrote but how long it took."""
        files = self.files("data").items()
        return {name: text for name, text in files if not name.startswith(_NO_RESULTS)}

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in a file; the text must be there."""
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text
        (self.root / path).write_text(text.replace(old, new), encoding="utf-8")

    def commit(self, message: str) -> None:
        """Commit everything that git does not ignore."""
        self.run("git", "add", "-A")
        self.run("git", *_IDENTITY, "commit", "-q", "-m", message)

    def copy(self, to: Path) -> Checkout:
        """A copy that a test may change."""
        shutil.copytree(self.root, to, symlinks=True)
        return Checkout(to)


def new_checkout(root: Path, beginnings: tuple[str, ...] = PIPELINE) -> Checkout:
    """The project's sources whose names begin so, in a repository without a commit."""
    root.mkdir(parents=True)
    copy_sources(root, beginnings)
    checkout = Checkout(root)
    checkout.run("git", "init", "-q", "-b", "main")
    return checkout


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
