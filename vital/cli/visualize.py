"""The command that makes visualizations without a pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from vital.cli.options import (
    NETWORKS,
    NetworkArguments,
    Side,
    TorchvisionWeights,
    key_values,
    names,
)
from vital.cli.output import AsJson, show_table
from vital.cli.stages import run_stage
from vital.cli.words import in_words_of_the_command
from vital.errors import Interrupted, ParamsError, VitalError
from vital.methods.registry import MODULES
from vital.params.studied_method import STUDIED

if TYPE_CHECKING:
    import pandas as pd

_Network = Annotated[str | None, typer.Option(help=f"{NETWORKS}; without it, the stage runs")]
_References = Annotated[
    str | None, typer.Option(help="A folder with a subfolder of images per class, or a source")
]
_Out = Annotated[Path, typer.Option(help="Where images, index and history go")]
_Checkpoint = Annotated[Path | None, typer.Option(help="Weights; else published ones")]
_WeightsKey = Annotated[str | None, typer.Option(help="Its entry with the weights, of several")]
_Preprocessing = Annotated[list[str] | None, typer.Option(help="K=V, over the network's own")]
_ClassNames = Annotated[str | None, typer.Option(help="What its logits are of, comma-separated")]
_Output = Annotated[str | None, typer.Option(help="KEY or INDEX of the logits among outputs")]
_Units = Annotated[
    str | None, typer.Option(help="Classes by NAME or INDEX, channels as TAP:CHANNEL; by commas")
]
_Unit = Annotated[
    list[str] | None, typer.Option(help="One of them, whose name may hold commas; any number")
]
_Method = Annotated[str, typer.Option(help=", ".join(MODULES))]
_Taps = Annotated[str | None, typer.Option(help="Module names, comma-separated")]
_Data = Annotated[
    list[str] | None, typer.Option(help="K=V of the references: root, split, columns, class_map")
]
_PerClass = Annotated[int | None, typer.Option(min=1, help="Reference images per unit")]
_Sets = Annotated[int | None, typer.Option(min=1, help="Parts of them; seeds take turns")]
_Steps = Annotated[int | None, typer.Option(min=1, help="Optimisation steps")]
_Seeds = Annotated[int, typer.Option(min=1, help="Images per unit")]
_Seed = Annotated[int, typer.Option(min=0, help="Seed of every random choice")]
_Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")]
_Setting = Annotated[list[str] | None, typer.Option("--set", help="K=V of the visualize block")]


def visualize(
    context: typer.Context,
    model: _Network = None,
    references: _References = None,
    out: _Out = Path("out"),
    checkpoint: _Checkpoint = None,
    weights_key: _WeightsKey = None,
    weights: TorchvisionWeights = None,
    model_kwargs: NetworkArguments = None,
    preprocessing: _Preprocessing = None,
    classes: _ClassNames = None,
    output: _Output = None,
    units: _Units = None,
    unit: _Unit = None,
    method: _Method = STUDIED,
    taps: _Taps = None,
    data: _Data = None,
    per_class: _PerClass = None,
    sets: _Sets = None,
    size: Side = None,
    steps: _Steps = None,
    seeds: _Seeds = 1,
    seed: _Seed = 0,
    device: _Device = "auto",
    setting: _Setting = None,
    as_json: AsJson = False,
) -> None:
    """Make visualizations from a folder of images, or run the visualize stage."""
    if model is None or references is None:
        _run_stage(context, model, references)
    from vital.api.visualize import visualize as make

    with _resumable(), in_words_of_the_command():
        made = make(
            model, _references(references, data), checkpoint=checkpoint, weights_key=weights_key,
            weights=weights, model_kwargs=key_values(model_kwargs, "--model-kwargs"),
            preprocessing=key_values(preprocessing, "--preprocessing"),
            classes=names(classes, "--classes"),
            output=int(output) if output and output.isdecimal() else output,
            units=[*(names(units, "--units") or ()), *(unit or ())] or None, method=method,
            taps=names(taps, "--taps"), per_class=per_class, sets=sets, size=size, seeds=seeds,
            seed=seed, device=device, params=_params(setting, steps), out=out,
        )  # fmt: skip
    _show(made.table, as_json, out)


@contextmanager
def _resumable() -> Iterator[None]:
    """Say that an interrupted call can be taken up again."""
    try:
        yield
    except Interrupted as ended:
        raise VitalError(f"{ended}; run again to go on") from None


def _run_stage(context: typer.Context, model: str | None, references: str | None) -> NoReturn:
    """Become the stage; raises ParamsError for options that it would not see."""
    if model is not None or references is not None:
        raise ParamsError("give both --model and --references, or neither to run the stage")
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = [name for name, source in sources.items() if source and source.name != "DEFAULT"]
    if given:
        flags = {option.name: option.opts[0] for option in context.command.params}
        raise ParamsError(
            f"{flags[given[0]]} has no effect on the stage, which runs by params.yaml: "
            "give --model and --references, too"
        )
    run_stage("visualize")


def _references(source: str, data: list[str] | None) -> dict[str, Any]:
    given = key_values(data, "--data")
    if "source" in given:
        raise ParamsError("--data: 'source' has no effect: give --references")
    return {"source": source, **given}


def _params(setting: list[str] | None, steps: int | None) -> dict[str, Any]:
    """The visualize block, without what has an option of its own."""
    given = key_values(setting, "--set")
    for key in ("units", "seeds", "device", *(("steps",) if steps is not None else ())):
        if key in given:
            raise ParamsError(f"--set: {key!r} has no effect: give --{key}")
    return given if steps is None else {**given, "steps": steps}


def _show(table: pd.DataFrame, as_json: bool, out: Path) -> None:
    from vital.artefacts.columns import IMAGE, NAME, PROBABILITY, SEED, UNIT
    from vital.artefacts.visualizations import LOSS

    columns = [UNIT, NAME, SEED, LOSS, PROBABILITY, IMAGE]
    note = f"images, tables and a contact sheet are in {out}"
    show_table(table[columns], as_json, note, float_format="%.4g")
