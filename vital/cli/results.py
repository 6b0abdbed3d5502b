"""Commands that show what finished runs came to: a class's circuit, runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vital.artefacts.project import Project
from vital.cli.options import Classes, names
from vital.cli.output import AsJson, show_json, show_table


def circuit(
    class_: Annotated[str, typer.Argument(metavar="CLASS", help="A class's name or index")],
    out: Annotated[
        Path | None, typer.Option(help="Where the PNG goes; else circuit-<index>.png")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Draw and print which inner units are most relevant to a class."""
    from vital.params.base import read_block, read_params
    from vital.params.report import ReportParams
    from vital.report.circuits import find_circuit, read_circuits
    from vital.report.figures.circuit import draw_circuit
    from vital.report.figures.style import write_png_figure

    project = Project(Path.cwd())
    params = read_block(read_params(project.params), "report", ReportParams)
    found = find_circuit(read_circuits(project, params.references), class_)
    path = out or Path(f"circuit-{found.index}.png")
    write_png_figure(path, draw_circuit(found))
    if as_json:
        show_json([{"unit": member.unit, "share": member.share} for member in found.members])
        return
    show_table(found.table(), as_json=False, note=f"the figure is {path}")


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN RUN...",
            help="Projects' folders, the first the one compared with; "
            "check a git revision out (git worktree add, dvc checkout) to compare it",
        ),
    ],
    method: Annotated[str, typer.Option(help="Whose images are shown")] = "vital",
    classes: Classes = None,
    out: Annotated[Path, typer.Option(help="Where the grid goes")] = Path("comparison.png"),
    as_json: AsJson = False,
) -> None:
    """Print how metrics differ, with 95 % intervals over classes, and draw images side by side."""
    from vital.report.comparison import compare_runs, draw_comparison
    from vital.report.figures.style import write_png_figure
    from vital.report.runs import find_runs

    found = find_runs(runs)
    table = compare_runs(found)
    shown = found[0].pick_classes(names(classes, "--classes") or ())
    write_png_figure(out, draw_comparison(found, method, shown))
    show_table(table, as_json, f"the images are in {out}", float_format="%.4g", na_rep="-")
