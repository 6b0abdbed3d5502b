"""A command for each stage, which runs it alone."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

import typer

from vital.artefacts.project import STAGES
from vital.errors import VitalError


def add_stages(app: typer.Typer) -> None:
    """Add all stages but visualize, whose command can do more than run it."""
    for stage in STAGES:
        if stage != "visualize":
            _add_stage(app, stage)


def _add_stage(app: typer.Typer, name: str) -> None:
    @app.command(name, help=f"Run the {name} stage alone, whatever DVC thinks of it.")
    def command() -> None:
        run_stage(name)


def run_stage(name: str) -> NoReturn:
    """Become the stage's process; raises VitalError outside of a project's folder."""
    if not Path("params.yaml").is_file():
        raise VitalError("no params.yaml here: run this in the project's folder")
    # In this process's place, so that signals reach the stage.
    os.execv(sys.executable, [sys.executable, "-m", f"stages.{name}"])
