"""A copy of the project in which its pipeline runs apart."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

PIPELINE = ("stages/", "vital/", ".dvc", "data/", "dvc.yaml", ".gitignore")
"""What the names of files begin with that the pipeline needs under git."""


def copy_sources(folder: Path, beginnings: tuple[str, ...] = PIPELINE) -> None:
    """Copy the files whose names begin so, without anything that a run has made."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in listed:
        if name.startswith(beginnings) and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
