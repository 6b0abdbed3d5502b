"""Tables as files: CSV to compute with, LaTeX to print, HTML to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from vital.report.paper.results import measured_table, results_table
from vital.report.runs import Run
from vital.runtime.files import write_text

MISSING = "-"
"""Stands in all tables for what is not there."""


def write_tables(runs: Sequence[Run], out: Path) -> list[Path]:
    """Write the paper's table and that of all metrics, each as CSV, LaTeX and HTML."""
    tables = {"results": results_table(runs), "metrics": measured_table(runs)}
    return [
        _written(out / f"{name}{suffix}", text(table))
        for name, table in tables.items()
        for suffix, text in _FORMATS.items()
    ]


def _written(path: Path, text: str) -> Path:
    write_text(path, text)
    return path


def csv_text(table: pd.DataFrame) -> str:
    """Comma-separated, with nine significant digits."""
    return table.to_csv(index=False, na_rep=MISSING, float_format="%.9g", lineterminator="\n")


def latex_text(table: pd.DataFrame) -> str:
    """A tabular for the package booktabs; what LaTeX takes for commands is escaped."""
    return _shown(table).to_latex(index=False, escape=True, column_format=_alignment(table))


def html_text(table: pd.DataFrame) -> str:
    """A table element; what HTML takes for markup is escaped."""
    return _shown(table).to_html(index=False, escape=True, border=0) + "\n"


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """The table as text for people: four significant digits below 1, else two decimals."""
    return table.map(_cell)


def _cell(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return MISSING
    if not isinstance(value, float):
        return str(value)
    if value.is_integer():
        return f"{value:.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.4f}"


def _alignment(table: pd.DataFrame) -> str:
    return "".join("r" if pd.api.types.is_numeric_dtype(kind) else "l" for kind in table.dtypes)


_FORMATS: dict[str, Callable[[pd.DataFrame], str]] = {
    ".csv": csv_text,
    ".tex": latex_text,
    ".html": html_text,
}
