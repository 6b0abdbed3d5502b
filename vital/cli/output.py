"""How commands print what they found: a table for people, or JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    import pandas as pd

AsJson = Annotated[bool, typer.Option("--json", help="As JSON on standard output, nothing else")]


def show_table(table: pd.DataFrame, as_json: bool, note: str = "", **style: Any) -> None:
    """Print rows in columns, in pandas' ``style``, and a note below; or as a list of objects."""
    if as_json:
        show_json(table.to_dict("records"))
        return
    typer.echo(table.to_string(index=False, **style))
    if note:
        typer.echo(f"\n{note}")


def show_json(value: Any) -> None:
    """Print plain data as JSON; what is not a number, or not there, is null."""
    typer.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
