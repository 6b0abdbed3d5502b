"""The command line: every stage, visualizations without a pipeline, and what to know beforehand."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from vital.artefacts.project import STAGES, Project
from vital.errors import Interrupted, ParamsError, VitalError

MODEL_NAMES = "timm/<name>, torchvision/<name> or python:<package.module>:<factory>"

app = typer.Typer(
    help="Show what units of a vision network respond to.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

profile = typer.Typer(help="Params files for one experiment each.", no_args_is_help=True)
app.add_typer(profile, name="profile")

paper = typer.Typer(
    help="The paper's tables and figures, from finished runs.", no_args_is_help=True
)
app.add_typer(paper, name="paper")

PROFILES = Path("profiles")


def main() -> None:
    """Run the command line; errors that are the user's to mend end in one message."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    try:
        app()
    except VitalError as error:
        typer.echo(f"vital: {error}", err=True)
        raise SystemExit(1) from None
    except OSError as error:
        from vital.runtime.files import explain_os_error

        typer.echo(f"vital: {explain_os_error(error)}", err=True)
        raise SystemExit(1) from None
    except (MemoryError, RuntimeError) as error:
        from vital.runtime.memory import explain_memory_error, is_out_of_memory

        if not is_out_of_memory(error):
            raise
        typer.echo(f"vital: {explain_memory_error(error)}", err=True)
        raise SystemExit(1) from None


def _run_stage(name: str) -> NoReturn:
    if not Path("stages", f"{name}.py").is_file():
        raise VitalError(f"no stages/{name}.py here: run this in the project's folder")
    # In this process's place, so that signals reach the stage.
    os.execv(sys.executable, [sys.executable, "-m", f"stages.{name}"])


def _add_stage_command(name: str) -> None:
    @app.command(name, help=f"Run the {name} stage alone, whatever DVC thinks of it.")
    def command() -> None:
        _run_stage(name)


for _stage in STAGES:
    if _stage != "visualize":
        _add_stage_command(_stage)


@app.command()
def visualize(
    model: Annotated[
        str | None, typer.Option(help=f"{MODEL_NAMES}; without it, the stage runs")
    ] = None,
    references: Annotated[
        str | None, typer.Option(help="A folder with a subfolder of images per class, or a source")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where images, index and history go")] = Path("out"),
    checkpoint: Annotated[Path | None, typer.Option(help="Weights; else published ones")] = None,
    weights: Annotated[str | None, typer.Option(help="Which of torchvision's weights")] = None,
    model_kwargs: Annotated[list[str], typer.Option(help="K=V, for the network")] = [],  # noqa: B006
    preprocessing: Annotated[list[str], typer.Option(help="K=V, over the network's own")] = [],  # noqa: B006
    units: Annotated[str | None, typer.Option(help="NAME or INDEX, comma-separated")] = None,
    taps: Annotated[str | None, typer.Option(help="Module names, comma-separated")] = None,
    data: Annotated[
        list[str], typer.Option(help="K=V of the references: root, split, columns, class_map")
    ] = [],  # noqa: B006
    per_class: Annotated[int | None, typer.Option(min=1, help="Reference images per unit")] = None,
    size: Annotated[int | None, typer.Option(min=16, help="Side of the image, in pixels")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimisation steps")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Images per unit")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    setting: Annotated[list[str], typer.Option("--set", help="K=V of the visualize block")] = [],  # noqa: B006
) -> None:
    """Make visualizations from a folder of images, or run the visualize stage."""
    if model is None and references is None:
        _run_stage("visualize")
    if model is None or references is None:
        raise ParamsError("give both --model and --references, or neither to run the stage")
    from vital.api import visualize as make

    params = _key_values(setting, "--set")
    if steps is not None:
        params["steps"] = steps
    try:
        made = make(
            model,
            {"source": references, **_key_values(data, "--data")},
            checkpoint=checkpoint,
            weights=weights,
            model_kwargs=_key_values(model_kwargs, "--model-kwargs"),
            preprocessing=_key_values(preprocessing, "--preprocessing"),
            units=_names(units),
            taps=_names(taps),
            per_class=per_class,
            size=size,
            seeds=seeds,
            seed=seed,
            device=device,
            params=params,
            out=out,
        )
    except Interrupted as ended:
        raise VitalError(f"{ended}; run again to go on") from None
    columns = ["unit", "name", "seed", "loss", "probability", "image"]
    typer.echo(made.table[columns].to_string(index=False, float_format="%.4g"))
    typer.echo(f"\nimages and tables are in {out}")


def _names(text: str | None) -> list[str] | None:
    return [part.strip() for part in text.split(",") if part.strip()] if text else None


def _key_values(items: list[str], option: str) -> dict[str, Any]:
    """K=V pairs; values are read as JSON where they are JSON, else as text."""
    pairs = {}
    for item in items:
        key, sign, value = item.partition("=")
        if not sign or not key:
            raise ParamsError(f"{option}: {item!r} is not of the form KEY=VALUE")
        try:
            pairs[key] = json.loads(value)
        except ValueError:
            pairs[key] = value
    return pairs


@app.command()
def taps(
    model: Annotated[str, typer.Argument(help=f"{MODEL_NAMES}; its weights are not needed")],
    model_kwargs: Annotated[list[str], typer.Option(help="K=V, for the network")] = [],  # noqa: B006
    weights: Annotated[str | None, typer.Option(help="Which of torchvision's weights")] = None,
    size: Annotated[int | None, typer.Option(min=16, help="Side of the image, in pixels")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every module, not the defaults")] = False,
) -> None:
    """Show where a network can be read: names, shapes (channels x positions), default weights."""
    from vital.networks.tap_table import describe_taps

    kwargs = _key_values(model_kwargs, "--model-kwargs")
    table = describe_taps(model, kwargs, weights=weights, size=size, every=every)
    typer.echo(table.to_string(index=False))


@app.command()
def estimate(
    params: Annotated[Path, typer.Argument(help="A params file")] = Path("params.yaml"),
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "auto",
) -> None:
    """Estimate time, memory and disk of the visualize stage by timing a few steps."""
    from vital.pipeline.estimate import estimate_run

    for name, value in estimate_run(params, device).items():
        typer.echo(f"{name:<28}{value}")


@profile.command("list")
def list_() -> None:
    """List the profiles and, with a leading +, the variants that can be laid over them."""
    from vital.pipeline.profiles import list_profiles

    for name, headline in list_profiles(PROFILES).items():
        typer.echo(f"{name:<18}{headline}")


ProfileName = Annotated[str, typer.Argument(help="A profile and its variants: resnet50+quick")]


@profile.command()
def show(name: ProfileName) -> None:
    """Print a profile as a params file."""
    from vital.pipeline.profiles import compose_profile

    typer.echo(compose_profile(PROFILES, name), nl=False)


@profile.command()
def use(
    name: ProfileName,
    overwrite: Annotated[bool, typer.Option(help="Also when values of your own get lost")] = False,
) -> None:
    """Write a profile to params.yaml."""
    from vital.pipeline.profiles import use_profile

    path = Project(Path.cwd()).params
    use_profile(PROFILES, name, path, overwrite)
    typer.echo(f"{path.name} is now {name}")


@app.command()
def doctor() -> None:
    """Show versions, devices, free disk, and what is missing."""
    from vital.pipeline.doctor import diagnose

    missing = False
    for finding in diagnose(Project(Path.cwd())):
        missing |= not finding.good
        typer.echo(f"{'ok     ' if finding.good else 'MISSING'} {finding.name:<18}{finding.detail}")
    if missing:
        raise typer.Exit(1)


@app.command()
def repro(
    targets: Annotated[list[str] | None, typer.Argument(help="Stages; else everything")] = None,
) -> None:
    """Run the pipeline with DVC, after repairing what a killed DVC left damaged."""
    from vital.pipeline.reproduce import reproduce

    raise typer.Exit(reproduce(Project(Path.cwd()), targets or ()))


@app.command()
def summary() -> None:
    """Print the metrics, where the report is and how to open MLflow; catch up with tracking."""
    from vital.pipeline.summary import summarize
    from vital.pipeline.tracking import catch_up

    project = Project(Path.cwd())
    catch_up(project)
    typer.echo(summarize(project))


@app.command()
def circuit(
    class_: Annotated[str, typer.Argument(metavar="CLASS", help="A class's name or index")],
    out: Annotated[
        Path | None, typer.Option(help="Where the PNG goes; else circuit-<index>.png")
    ] = None,
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
    typer.echo(found.table().to_string(index=False))
    typer.echo(f"\nthe figure is {path}")


RunFolders = Annotated[
    list[Path] | None,
    typer.Argument(metavar="RUN...", help="Projects, or folders that hold some; else this folder"),
]


@paper.command()
def tables(
    runs: RunFolders = None,
    out: Annotated[Path, typer.Option(help="Where CSV, LaTeX and HTML go")] = Path("paper"),
) -> None:
    """Write what runs measured beside what the paper prints; - is what is not there."""
    from vital.report.paper.tables import write_tables
    from vital.report.runs import find_runs

    for path in write_tables(find_runs(runs or [Path()]), out):
        typer.echo(path)


@paper.command()
def figures(
    runs: RunFolders = None,
    out: Annotated[Path, typer.Option(help="Where a folder for each run goes")] = Path("paper"),
    classes: Annotated[str | None, typer.Option(help="NAME or INDEX, comma-separated")] = None,
) -> None:
    """Draw classes by method, inner units, circuits and t-SNE, as far as runs have them."""
    from vital.report.paper.figures import write_figures
    from vital.report.runs import find_runs

    for run in find_runs(runs or [Path()]):
        for path in write_figures(run, out / run.name, _names(classes) or ()):
            typer.echo(path)


@app.command()
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
    classes: Annotated[str | None, typer.Option(help="NAME or INDEX, comma-separated")] = None,
    out: Annotated[Path, typer.Option(help="Where the grid goes")] = Path("comparison.png"),
) -> None:
    """Print how metrics differ, with 95 % intervals over classes, and draw images side by side."""
    from vital.report.comparison import compare_runs, draw_comparison
    from vital.report.figures.style import write_png_figure
    from vital.report.runs import find_runs

    found = find_runs(runs)
    table = compare_runs(found)
    shown = found[0].pick_classes(_names(classes) or ())
    write_png_figure(out, draw_comparison(found, method, shown))
    typer.echo(table.to_string(index=False, float_format="%.4g", na_rep="-"))
    typer.echo(f"\nthe images are in {out}")


@app.command()
def gc(
    days: Annotated[float, typer.Option(min=0, help="Keep entries used in the last days")] = 30.0,
) -> None:
    """Delete work-store entries that no visualization here uses and that are long unused."""
    from vital.pipeline.prune import prune_work_store

    files, freed = prune_work_store(Project(Path.cwd()), days)
    typer.echo(f"{files} entries deleted, {freed / 2**20:.1f} MiB freed")


if __name__ == "__main__":
    main()
