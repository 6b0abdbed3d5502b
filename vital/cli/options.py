"""What several commands take: their options, and how these are read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from vital.errors import ParamsError

NETWORKS = "timm/<name>, torchvision/<name>, lite/<name> or python:<package.module>:<factory>"

Classes = Annotated[str | None, typer.Option(help="NAME or INDEX, comma-separated")]
NetworkArguments = Annotated[list[str] | None, typer.Option(help="K=V, for the network")]
TorchvisionWeights = Annotated[str | None, typer.Option(help="Which of torchvision's weights")]
Side = Annotated[int | None, typer.Option(min=16, help="Side of the image, in pixels")]
RunFolders = Annotated[
    list[Path] | None,
    typer.Argument(metavar="RUN...", help="Projects, or folders that hold some; else this folder"),
]


def names(text: str | None, option: str) -> list[str] | None:
    """What stands between the commas; None where nothing was given.

    Raises ParamsError that names the option where something names nothing.
    """
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise ParamsError(f"{option}: {text!r} names nothing at one place; leave it out for all")
    return parts


def key_values(items: Sequence[str] | None, option: str) -> dict[str, Any]:
    """KEY=VALUE pairs; values are read as JSON where they are JSON, else as text.

    Raises ParamsError that names the option for an item of another form, or a key given twice.
    """
    pairs: dict[str, Any] = {}
    for item in items or ():
        key, sign, value = item.partition("=")
        if not sign or not key:
            raise ParamsError(f"{option}: {item!r} is not of the form KEY=VALUE")
        if key in pairs:
            raise ParamsError(f"{option}: {key!r} is given twice")
        try:
            pairs[key] = json.loads(value)
        except (ValueError, RecursionError):
            pairs[key] = value
    return pairs
