"""`vital repro`: the pipeline as DVC runs it, after mending what an earlier run may have left."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

import psutil

from vital.artefacts.project import STAGES, Project
from vital.errors import ParamsError
from vital.pipeline.repair import repair
from vital.runtime.locks import only_run
from vital.runtime.signals import handling

log = logging.getLogger(__name__)

_SCRIPTS = frozenset(f"stages.{stage}" for stage in STAGES)


def reproduce(project: Project, targets: Sequence[str] = ()) -> int:
    """Bring ``targets``, or everything, up to date; returns DVC's exit status.

    SIGTERM ends the stage that is running as this stage ends itself; then the status is 143.
    Before anything is touched, raises ParamsError where there is no pipeline, and HeldError when
    another process does so here.
    """
    if not (project.root / "dvc.yaml").is_file():
        raise ParamsError(f"no dvc.yaml in {project.root}: run this in the project's folder")
    with only_run(project.locks, "repro"):
        for sentence in repair(project.root):
            log.warning("%s", sentence)
        command = [sys.executable, "-m", "dvc", "repro", *targets]
        return _run(command, project)


def _run(command: Sequence[str], project: Project) -> int:
    """Run DVC, passing on what it does not: it would leave its stage behind on SIGTERM."""
    asked: list[psutil.Process] = []
    received: list[int] = []

    def receive(number: int, _frame: FrameType | None) -> None:
        # A Ctrl-C in the terminal has reached DVC and the stage already.
        if number == signal.SIGTERM:
            received.append(number)
            asked.extend(_ask_to_end(process.pid))

    process = subprocess.Popen(command, cwd=project.root)
    with handling(receive):
        status = process.wait()
        psutil.wait_procs(asked)
    if received:
        log.error("repro: interrupted by SIGTERM; what is finished is kept, run again to go on")
        return 128 + signal.SIGTERM
    return status


def _ask_to_end(pid: int) -> list[psutil.Process]:
    """Send SIGTERM to the stages that DVC runs, or else to DVC; returns whom it was sent to."""
    try:
        dvc = psutil.Process(pid)
        stages = [child for child in dvc.children(recursive=True) if _is_stage(child)]
        asked = stages or [dvc]
        for process in asked:
            process.terminate()
    except psutil.NoSuchProcess:
        return []  # it is just ending
    return asked


def _is_stage(process: psutil.Process) -> bool:
    """Whether it is a stage itself, not the shell that runs it or a worker of its own."""
    try:
        return not _SCRIPTS.isdisjoint(process.cmdline())
    except psutil.Error:
        return False
