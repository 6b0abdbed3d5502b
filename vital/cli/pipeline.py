"""Commands for the pipeline as a whole: run it, sum it up, clear its work store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vital.artefacts.project import Project
from vital.cli.output import AsJson, show_json


def repro(
    targets: Annotated[list[str] | None, typer.Argument(help="Stages; else everything")] = None,
) -> None:
    """Run the pipeline with DVC, after repairing what a killed DVC left damaged."""
    from vital.pipeline.reproduce import reproduce

    raise typer.Exit(reproduce(Project(Path.cwd()), targets or ()))


def summary(as_json: AsJson = False) -> None:
    """Print the metrics, where the report is and how to open MLflow; catch up with tracking."""
    from vital.artefacts.scores import read_metrics
    from vital.pipeline.summary import summarize
    from vital.pipeline.tracking import catch_up

    project = Project(Path.cwd())
    catch_up(project)
    if as_json:
        show_json(read_metrics(project.scores))
        return
    typer.echo(summarize(project))


def gc(
    days: Annotated[float, typer.Option(min=0, help="Keep entries used in the last days")] = 30.0,
) -> None:
    """Delete work-store entries that no visualization here uses and that are long unused."""
    from vital.pipeline.prune import prune_work_store

    files, freed = prune_work_store(Project(Path.cwd()), days)
    typer.echo(f"{files} entries deleted, {freed / 2**20:.1f} MiB freed")
