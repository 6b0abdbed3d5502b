"""Pipelines of their own for variants of a run, with a cache that they share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks.checkout import copy_sources
from vital.artefacts.project import Project
from vital.errors import ParamsError
from vital.report.runs import Run
from vital.runtime.files import write_text

COPIED = ("stages/", "vital/", ".dvc/config", ".dvcignore", "dvc.yaml")


def run_pipeline(out: Path, name: str, params: str) -> Run:
    """Run the pipeline up to its scores in ``out/name``, unless that is finished.

    Raises ParamsError where the folder holds a run with other parameters.
    """
    project = Project(out / name)
    if project.params.is_file() and project.params.read_text(encoding="utf-8") != params:
        raise ParamsError(
            f"{project.root} holds other parameters: delete it, or name another --out"
        )
    copy_sources(project.root, COPIED)
    write_text(project.root / ".dvc" / "config.local", _local_config(out / "cache"))
    write_text(project.params, params)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        ["dvc", "repro", "score"],
        cwd=project.root,
        env={**os.environ, "PATH": programs, "VITAL_TRACKING": "off", "PYTHONPATH": "."},
        stdout=sys.stderr,
        check=True,
    )
    return Run(name, project)


def _local_config(cache: Path) -> str:
    """DVC without git, with a cache that all ablations share."""
    return f"[core]\n    no_scm = true\n[cache]\n    dir = {cache}\n"
