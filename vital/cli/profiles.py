"""Profiles: params files for one experiment each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vital.artefacts.project import Project
from vital.cli.output import AsJson, show_json

PROFILES = Path("profiles")

app = typer.Typer(help="Params files for one experiment each.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(help="A profile and its variants: resnet50+quick")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the profiles and, with a leading +, the variants that can be laid over them."""
    from vital.pipeline.profiles import list_profiles

    found = list_profiles(PROFILES)
    if as_json:
        show_json(found)
        return
    for name, headline in found.items():
        typer.echo(f"{name:<18}{headline}")


@app.command()
def show(name: _Name) -> None:
    """Print a profile as a params file."""
    from vital.pipeline.profiles import compose_profile

    typer.echo(compose_profile(PROFILES, name), nl=False)


@app.command()
def use(
    name: _Name,
    overwrite: Annotated[bool, typer.Option(help="Also when values of your own get lost")] = False,
) -> None:
    """Write a profile to params.yaml."""
    from vital.pipeline.profiles import use_profile

    path = Project(Path.cwd()).params
    use_profile(PROFILES, name, path, overwrite)
    typer.echo(f"{path.name} is now {name}")
