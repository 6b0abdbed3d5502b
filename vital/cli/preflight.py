"""What is good to know before a run: where networks can be read, what it will take, what lacks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vital.artefacts.project import Project
from vital.cli.options import NETWORKS, NetworkArguments, Side, TorchvisionWeights, key_values
from vital.cli.output import AsJson, show_json, show_table
from vital.cli.words import TAPS, in_words_of_the_command


def taps(
    model: Annotated[str, typer.Argument(help=f"{NETWORKS}; its weights are not needed")],
    model_kwargs: NetworkArguments = None,
    weights: TorchvisionWeights = None,
    size: Side = None,
    every: Annotated[bool, typer.Option("--all", help="Every module, not the defaults")] = False,
    as_json: AsJson = False,
) -> None:
    """Show where a network can be read: names, shapes (channels x positions), default weights."""
    from vital.networks.tap_table import describe_taps

    kwargs = key_values(model_kwargs, "--model-kwargs")
    with in_words_of_the_command(TAPS):
        table = describe_taps(model, kwargs, weights=weights, size=size, every=every)
    show_table(table, as_json)


def estimate(
    params: Annotated[Path, typer.Argument(help="A params file")] = Path("params.yaml"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Estimate time, memory and disk of the visualize stage by timing a few steps."""
    from vital.pipeline.estimate import estimate_run

    found = estimate_run(params, device)
    if as_json:
        show_json(found)
        return
    for name, value in found.items():
        typer.echo(f"{name:<28}{value}")


def doctor(as_json: AsJson = False) -> None:
    """Show versions, devices, free disk, and what is missing."""
    from vital.pipeline.doctor import diagnose

    findings = diagnose(Project(Path.cwd()))
    if as_json:
        show_json([asdict(finding) for finding in findings])
    for finding in () if as_json else findings:
        typer.echo(f"{'ok     ' if finding.good else 'MISSING'} {finding.name:<18}{finding.detail}")
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)
