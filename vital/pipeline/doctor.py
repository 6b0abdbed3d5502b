"""Is everything here that a run needs: what `vital doctor` shows."""

from __future__ import annotations

import importlib.metadata
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from vital.artefacts.project import Project
from vital.errors import VitalError
from vital.params.base import read_params
from vital.pipeline.dry_run import check_run
from vital.pipeline.guards import refuse_endangered
from vital.runtime.processor import multiplies_bfloat16


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    good: bool
    detail: str


def diagnose(project: Project) -> list[Finding]:
    """Versions, devices, free disk, and what the pipeline needs but does not find."""
    return [
        Finding("python", sys.version_info >= (3, 11), platform.python_version()),
        *(_package(name) for name in ("torch", "torchvision", "timm", "dvc", "mlflow", "pyarrow")),
        _device(),
        _bfloat16(),
        _disk(project.root),
        _program("git"),
        *(_file(project.root, name) for name in ("params.yaml", "dvc.yaml", ".dvc")),
        _params(project),
    ]


def _package(name: str) -> Finding:
    try:
        return Finding(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, False, f"install it with `pip install {name}`")


def _device() -> Finding:
    if torch.cuda.is_available():
        return Finding("device", True, torch.cuda.get_device_name(0))
    return Finding("device", True, f"cpu, {torch.get_num_threads()} threads (no CUDA device)")


def _bfloat16() -> Finding:
    """Whether ``visualize.precision: bfloat16`` is worth a try; ``vital estimate`` measures it."""
    if torch.cuda.is_available() or multiplies_bfloat16():
        where = "the GPU" if torch.cuda.is_available() else "the CPU"
        pays = "pays for most networks, not for depthwise ones: see vital estimate"
        return Finding("bfloat16", True, f"{where} multiplies it; visualize.precision {pays}")
    return Finding("bfloat16", True, "the CPU does not multiply it: leave visualize.precision")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free / 2**30
    return Finding("free disk", free > 2, f"{free:.1f} GiB")


def _program(name: str) -> Finding:
    place = shutil.which(name)
    return Finding(name, place is not None, place or "not on the PATH")


def _file(folder: Path, name: str) -> Finding:
    there = (folder / name).exists()
    return Finding(name, there, "found" if there else f"not in {folder}")


def _params(project: Project) -> Finding:
    try:
        content = read_params(project.params)
        refuse_endangered(project, content)
        check_run(project, content)
    except VitalError as error:
        return Finding("parameters", False, str(error).splitlines()[0])
    return Finding("parameters", True, "valid")
