"""`vital repro`: the pipeline as DVC runs it, after mending what an earlier run may have left."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Sequence

from vital.locks import only_run
from vital.project import Project
from vital.repair import repair

log = logging.getLogger(__name__)


def reproduce(project: Project, targets: Sequence[str] = ()) -> int:
    """Bring ``targets``, or everything, up to date; returns DVC's exit status.

    Raises HeldError, before anything is touched, when another process does so here.
    """
    with only_run(project.locks, "repro"):
        for sentence in repair(project.root):
            log.warning("%s", sentence)
        command = [sys.executable, "-m", "dvc", "repro", *targets]
        return subprocess.run(command, cwd=project.root, check=False).returncode
