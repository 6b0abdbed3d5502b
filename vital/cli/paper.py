"""The paper's tables and figures, of finished runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vital.cli.options import Classes, RunFolders, names

app = typer.Typer(help="The paper's tables and figures, from finished runs.", no_args_is_help=True)


@app.command()
def tables(
    runs: RunFolders = None,
    out: Annotated[Path, typer.Option(help="Where CSV, LaTeX and HTML go")] = Path("paper"),
) -> None:
    """Write what runs measured beside what the paper prints; - is what is not there."""
    from vital.report.paper.tables import write_tables
    from vital.report.runs import find_runs

    for path in write_tables(find_runs(runs or [Path()]), out):
        typer.echo(path)


@app.command()
def figures(
    runs: RunFolders = None,
    out: Annotated[Path, typer.Option(help="Where a folder for each run goes")] = Path("paper"),
    classes: Classes = None,
) -> None:
    """Draw classes by method, inner units, circuits and t-SNE, as far as runs have them."""
    from vital.report.paper.figures import write_figures
    from vital.report.runs import find_runs

    for run in find_runs(runs or [Path()]):
        for path in write_figures(run, out / run.name, names(classes, "--classes") or ()):
            typer.echo(path)
