"""What several experiments are asked for on the command line, and checks of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Annotated

import typer

from vital.errors import nearest

RealData = Annotated[Path | None, typer.Option(envvar="VITAL_REAL_DATA")]
"""The folder of real networks and images."""


def real_data(folder: Path | None) -> Path:
    """The folder, absolute; ends with a usage error where there is none."""
    if folder is None or not folder.is_dir():
        raise typer.BadParameter("give the folder of real networks and images", param_hint="--data")
    return folder.resolve()


def asked_for(
    names: Collection[str] | None, known: Collection[str], default: Iterable[str], option: str
) -> list[str]:
    """The names given by an option, or the default ones; an unknown one is a usage error."""
    for name in names or ():
        if name not in known:
            message = f"unknown: {name}; {nearest(name, known)}"
            raise typer.BadParameter(message, param_hint=option)
    return list(names or default)
