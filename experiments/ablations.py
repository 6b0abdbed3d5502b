"""What does each part of the method contribute? Ablations of the embedded default.

    python -m experiments.ablations [--only NAME ...] [--out FOLDER] [--profile NAME]

Each ablation is a variant in profiles/variants, laid over the profile and run as a pipeline of its
own in a folder below --out; all share one DVC cache, so that a stage that an ablation leaves as it
was is not run again. A folder that is finished stays as it is: delete it to run it again. Written
are ablations.csv, a row per ablation and metric with the difference to the whole method, its 95 %
interval over classes (or inner units) where there are values for each, ablations.md and
ablations.png. ``unit_percentile`` is the share, in percent, of an inner unit's reference patches
(those of the whole method) that it responds to less than to its visualization.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from ruamel.yaml import YAML

from benchmarks.checkout import ROOT
from experiments.options import asked_for
from experiments.pipelines import run_pipeline
from vital.artefacts.patches import patches_of, read_patches
from vital.artefacts.visualizations import read_index
from vital.pipeline.profiles import compose_profile
from vital.report.comparison import CONFIDENCE, RESAMPLES, compare_runs
from vital.report.figures.style import Draw, Look, write_png_figure
from vital.report.paper.tables import MISSING
from vital.report.runs import Run
from vital.runtime.files import write_text
from vital.runtime.seeds import derive_seed
from vital.runtime.table_files import write_csv
from vital.scoring.bootstrap import paired_difference
from vital.units import CLASS_TAP, Unit

METHOD = "vital"
WHOLE = "whole"
"""The method as the profile has it."""

ABLATIONS = (
    "taps_first", "taps_last", "taps_ends", "taps_no_input", "matching_moments", "matching_mmd",
    "relevance_none", "references_1", "references_5", "references_10", "tv_none", "tv_ten",
    "l2_some",
)  # fmt: skip

UNIT_METRIC = "unit_percentile"


def main(
    only: Annotated[list[str] | None, typer.Option(help="; ".join(ABLATIONS))] = None,
    out: Annotated[Path, typer.Option(help="Folders of runs, table, figure")] = Path("ablations"),
    profile: Annotated[str, typer.Option(help="What is ablated, perhaps with +variants")] = (
        "photographs"
    ),
    profiles: Annotated[Path, typer.Option(help="The folder of profiles")] = ROOT / "profiles",
) -> None:
    """Run the ablations asked for, or all of them, and compare them with the whole method."""
    names = asked_for(only, ABLATIONS, ABLATIONS, "--only")
    texts = {WHOLE: compose_profile(profiles, profile)}
    texts |= {name: compose_profile(profiles, f"{profile}+{name}") for name in names}
    runs = [run_pipeline(out.resolve(), name, of_vital(text)) for name, text in texts.items()]
    table = ablation_table(runs)
    write_csv(out / "ablations.csv", table)
    write_text(out / "ablations.md", markdown(table))
    write_png_figure(out / "ablations.png", draw_ablations(table))
    typer.echo(markdown(table))


def of_vital(params: str) -> str:
    """The same parameters with one method: the peers have no part that an ablation changes."""
    yaml, written = YAML(), io.StringIO()
    content = yaml.load(params)
    content["methods"] = [METHOD]
    yaml.dump(content, written)
    return written.getvalue()


def ablation_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Each run minus the first, by metric: ablation, metric, value, difference, low, high, n.

    ``n`` is the number of classes or inner units behind an interval.
    """
    table = compare_runs(runs)
    table = table[table["method"] == METHOD].rename(columns={"run": "ablation", "n_classes": "n"})
    columns = ["ablation", "metric", "value", "difference", "low", "high", "n"]
    first = [[runs[0].name, metric, value, None, None, None, 0]
             for metric, value in runs[0].metrics[METHOD].items()
             if metric in set(table["metric"])]  # fmt: skip
    parts = [pd.DataFrame(first, columns=columns), table[columns], _unit_rows(runs, columns)]
    whole = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return whole.astype(dict.fromkeys(columns[2:6], float))


def _unit_rows(runs: Sequence[Run], columns: Sequence[str]) -> pd.DataFrame:
    """How strongly inner units respond to their images, of runs that have such units."""
    patches = read_patches(runs[0].project.references)
    whole = unit_percentiles(runs[0], patches)
    seed = derive_seed(runs[0].seed, "ablations", "units")
    rows = [[runs[0].name, UNIT_METRIC, whole.mean(), None, None, None, 0]] if len(whole) else []
    for run in runs[1:]:
        ours, theirs = unit_percentiles(run, patches).align(whole, join="inner")
        if len(ours):
            found = paired_difference(
                ours.to_numpy(), theirs.to_numpy(), RESAMPLES, CONFIDENCE, seed
            )
            bounds = [found.mean, found.low, found.high, found.n]
            rows.append([run.name, UNIT_METRIC, float(ours.mean()), *bounds])
    return pd.DataFrame(rows, columns=list(columns))


def unit_percentiles(run: Run, patches: pd.DataFrame) -> pd.Series:
    """Of each inner unit, by id, the mean over seeds of its image's percentile among patches."""
    index = read_index(run.project.visualizations(METHOD))
    found: dict[str, float] = {}
    for (tap, channel), made in index[index["tap"] != CLASS_TAP].groupby(["tap", "unit"]):
        unit = Unit(str(tap), int(str(channel)), "")
        scores = patches_of(patches, unit)["score"].to_numpy()
        shares = [(scores < activation).mean() for activation in made["activation"]]
        found[unit.id] = 100.0 * sum(shares) / len(shares)
    return pd.Series(found, dtype=float)


def markdown(table: pd.DataFrame) -> str:
    """A row per ablation, a column per metric: the value, the difference and its interval."""
    metrics = list(dict.fromkeys(table["metric"]))
    cells = {(row.ablation, row.metric): _cell(row) for row in table.itertuples()}
    lines = ["| ablation | " + " | ".join(metrics) + " |", "|---" * (len(metrics) + 1) + "|"]
    for name in dict.fromkeys(table["ablation"]):
        row = [cells.get((name, metric), MISSING) for metric in metrics]
        lines.append(f"| {name} | " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def _cell(row: Any) -> str:
    value = MISSING if pd.isna(row.value) else f"{row.value:.4g}"
    if pd.isna(row.difference):
        return value
    interval = "" if pd.isna(row.low) else f" [{row.low:+.3g}, {row.high:+.3g}]"
    return f"{value} ({row.difference:+.3g}{interval})"


def draw_ablations(table: pd.DataFrame) -> Draw:
    """A panel per metric: each ablation's difference to the whole method, with its interval."""
    changed = table.dropna(subset=["difference"])
    metrics, names = (list(dict.fromkeys(changed[key])) for key in ("metric", "ablation"))

    def draw(look: Look) -> Figure:
        columns = min(4, max(1, len(metrics)))
        rows = -(-len(metrics) // columns)
        size = (look.width, rows * (0.6 + 0.22 * len(names)))
        figure = Figure(figsize=size, layout="constrained")
        grid = list(figure.subplots(rows, columns, sharey=True, squeeze=False).flat)
        for axes, metric in zip(grid, metrics, strict=False):
            _draw_panel(axes, changed[changed["metric"] == metric], names, look)
            axes.set_title(metric, loc="left", fontsize=8, color=look.ink)
        for axes in grid[len(metrics) :]:
            axes.set_axis_off()
        return figure

    return draw


def _draw_panel(axes: Axes, rows: pd.DataFrame, names: Sequence[str], look: Look) -> None:
    places = [names.index(name) for name in rows["ablation"]]
    axes.axvline(0.0, color=look.muted, linewidth=0.8)
    axes.hlines(places, rows["low"], rows["high"], color=look.accent, linewidth=1.4)
    axes.plot(rows["difference"], places, "o", color=look.accent, markersize=4)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", color=look.grid, linewidth=0.8)
    axes.tick_params(length=0, labelsize=7, labelcolor=look.ink)


if __name__ == "__main__":
    typer.run(main)
