"""The state of the pipeline: what its results follow from."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vital.artefacts.project import Project
from vital.params.base import read_params
from vital.params.flat import as_json
from vital.runtime.dvc_hash import dvc_hash
from vital.runtime.files import digest

PIPELINE_TAG = "vital.pipeline"


@dataclass(frozen=True)
class State:
    """What the results follow from; the same state again joins the same parent run."""

    id: str
    revision: str | None
    dirty: bool | None

    @classmethod
    def of(cls, project: Project) -> State:
        """The present state.

        Raises ParamsError when params.yaml cannot be read, ArtefactError when a file of DVC's is
        damaged.
        """
        revision = _git(project.root, "rev-parse", "HEAD")
        changes = _git(project.root, "status", "--porcelain", "--untracked-files=no")
        content = {
            "revision": revision or "none",
            "params": as_json(read_params(project.params)),
            "inputs": dvc_hash(project.inputs),
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
