"""The command line as a program of its own, and the main functions of programs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import typer
from typer.testing import CliRunner, Result


def command(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run ``vital`` with arguments, with what it says captured."""
    line = [sys.executable, "-m", "vital.cli", *map(str, arguments)]
    return subprocess.run(line, check=False, capture_output=True, text=True, **options)


def run_main(main: Callable[..., None], *options: object) -> Result:
    """Run a program's main function with options; errors that are not of usage are raised."""
    app = typer.Typer()
    app.command()(main)
    return CliRunner().invoke(app, [*map(str, options)], catch_exceptions=False)
