"""What is good to know before a run: where networks can be read, what it will take, what lacks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vital.artefacts.project import Project
from vital.cli.options import NETWORKS, NetworkArguments, Side, TorchvisionWeights, key_values


def taps(
    model: Annotated[str, typer.Argument(help=f"{NETWORKS}; its weights are not needed")],
    model_kwargs: NetworkArguments = None,
    weights: TorchvisionWeights = None,
    size: Side = None,
    every: Annotated[bool, typer.Option("--all", help="Every module, not the defaults")] = False,
) -> None:
    """Show where a network can be read: names, shapes (channels x positions), default weights."""
    from vital.networks.tap_table import describe_taps

    kwargs = key_values(model_kwargs, "--model-kwargs")
    table = describe_taps(model, kwargs, weights=weights, size=size, every=every)
    typer.echo(table.to_string(index=False))


def estimate(
    params: Annotated[Path, typer.Argument(help="A params file")] = Path("params.yaml"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
) -> None:
    """Estimate time, memory and disk of the visualize stage by timing a few steps."""
    from vital.pipeline.estimate import estimate_run

    for name, value in estimate_run(params, device).items():
        typer.echo(f"{name:<28}{value}")


def doctor() -> None:
    """Show versions, devices, free disk, and what is missing."""
    from vital.pipeline.doctor import diagnose

    missing = False
    for finding in diagnose(Project(Path.cwd())):
        missing |= not finding.good
        typer.echo(f"{'ok     ' if finding.good else 'MISSING'} {finding.name:<18}{finding.detail}")
    if missing:
        raise typer.Exit(1)
