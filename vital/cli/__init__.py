"""The command line: every stage, visualizations without a pipeline, and what to know beforehand.

A module for each group of commands. What a command needs is imported when it runs, so that help
comes at once.
"""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from vital import __version__
from vital.cli import paper, profiles
from vital.cli.pipeline import gc, repro, summary
from vital.cli.preflight import doctor, estimate, taps
from vital.cli.results import circuit, compare
from vital.cli.stages import add_stages
from vital.cli.visualize import visualize
from vital.runtime.endings import explained

app = typer.Typer(
    help="Show what units of a vision network respond to.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"vital {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it")
    ] = False,
) -> None:
    """What is said to no command in particular."""


add_stages(app)
for _command in (visualize, taps, estimate, doctor, repro, summary, circuit, compare, gc):
    app.command()(_command)
app.add_typer(profiles.app, name="profile")
app.add_typer(paper.app, name="paper")


def main() -> None:
    """Run the command line; errors that are the user's to mend end in one message."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    with explained("vital"):
        app(prog_name="vital")  # also as python -m vital.cli, for completion
