"""VITAL and its peers on trained networks and real images, in figures and pictures.

    python -m experiments.real_methods [--case NAME] [--device cuda] [--data FOLDER] [--out FOLDER]

``cifar``: ResNet-20 on CIFAR-10, all methods, ten seeds of each class; the peers take as many
network passes per image as VITAL, or with ``--budget published`` the steps of their authors.
``mobilenetv2``: MobileNetV2 on 16 classes of Tiny-ImageNet, two seeds; the peers take as many
steps as fit in the wall time that VITAL takes here, on this device: on a GPU for all images at
once, on a CPU for a few at a time.

The images are judged by the studied network and by another architecture that is trained here on the
same images, against photographs that no image was made from; ``real`` is as many others of them.
Printed is a line of JSON per judge and per method, then a table. With --out they are written there
as NAME.jsonl and NAME.md, and the images as NAME-METHOD.png: a row per class, a column per seed.

It needs neither DVC nor MLflow. The folder of real networks and images is --data or the variable
VITAL_REAL_DATA.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import pandas as pd
import typer

from benchmarks.folders import kept_or_temporary
from experiments import real_networks
from experiments.contact_sheets import contact_sheet_of
from experiments.options import RealData, asked_for, real_data
from experiments.real_networks import case_params
from experiments.score_tables import MISSING, markdown_table, score_markdown
from vital.artefacts.manifest import class_names
from vital.artefacts.model import read_judge_accuracies
from vital.artefacts.patches import write_patch_tables
from vital.artefacts.project import Project
from vital.artefacts.scores import write_scores
from vital.artefacts.visualizations import read_index
from vital.engine.plan import Plan, RunParams
from vital.images.files import write_png
from vital.images.image_set import ImageSet
from vital.images.prepare import prepare_images
from vital.networks.make_judges import make_judges
from vital.networks.make_model import make_model
from vital.networks.model import load_model
from vital.params.base import read_block, read_seed
from vital.params.check import check_params
from vital.params.data import DataParams
from vital.params.extract import ExtractParams
from vital.params.judges import JudgesParams
from vital.params.methods import METHODS
from vital.params.model import ModelParams
from vital.params.score import ScoreParams
from vital.params.studied_method import STUDIED
from vital.references.extract import write_class_statistics
from vital.references.select import select_references
from vital.report.run_files import read_scores
from vital.runtime.devices import resolve_device
from vital.runtime.files import write_text
from vital.runtime.store import WorkStore
from vital.runtime.table_files import read_parquet
from vital.scoring.score import read_scoring, score_methods

log = logging.getLogger(__name__)

PROBES = (10, 40)
"""Steps that are timed to tell how many fit in a time."""

NEVER = 1_000_000
"""After so many steps, which none takes, there is a checkpoint."""


@dataclass(frozen=True)
class Case:
    """Whose profile and data, which methods, and what the peers are given as much of as VITAL.

    All images are made at once, on a CPU at most ``cpu_batch`` where that is faster.
    """

    of: str
    methods: tuple[str, ...]
    seeds: int
    equal: Literal["passes", "seconds"]
    judge_steps: int
    cpu_batch: int | None = None


CASES = {
    "cifar": Case("cifar_resnet20", METHODS, 10, "passes", 1000),
    "mobilenetv2": Case(
        "mobilenetv2_random",
        ("vital", "maco", "fourier", "activation"),
        2,
        "seconds",
        500,
        cpu_batch=4,  # MACO, which shows each six times, is three times as fast as with all 32
    ),
}

JUDGE: Mapping[str, Any] = {
    "name": "timm/densenet121",
    "alias": "densenet",
    "kwargs": {"growth_rate": 24, "block_config": [4, 6, 6, 4], "aa_layer": "blurpool"},
    "preprocessing": {"size": 64},
    "train": {
        "batch": 128, "lr": 3.0e-3, "mixup": 0.2, "label_smoothing": 0.05, "contrast": 0.3,
        "grey": 0.1, "shift": True,
    },
}  # fmt: skip
"""Another architecture than those that are studied, small enough for a few thousand images."""


def main(
    case: Annotated[list[str] | None, typer.Option(help="; ".join(CASES))] = None,
    data: RealData = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto")] = "auto",
    budget: Annotated[str, typer.Option(help="Of the case cifar: equal, published")] = "equal",
    classes: Annotated[int | None, typer.Option(min=2, help="Only so many, the first")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Images of each class")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="VITAL's, at each size")] = None,
    judge_steps: Annotated[int | None, typer.Option(min=2, help="The judge's training")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep each case's folder here")] = None,
    out: Annotated[Path | None, typer.Option(help="For figures and generated images")] = None,
) -> None:
    """Run the cases asked for, or all of them."""
    source = real_data(data)
    names = asked_for(case, CASES, CASES, "--case")
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for name in names:
        content = params_of(CASES[name], source, device, budget)
        shorten(content, classes, seeds, steps, judge_steps)
        with kept_or_temporary(keep and keep / name) as folder:
            seconds = run_case(Project(folder), content, CASES[name])
            show(name, Project(folder), seconds, out)


def params_of(case: Case, data: Path, device: str, budget: str) -> dict[str, Any]:
    """The content of a case's params file."""
    content = case_params(real_networks.CASES[case.of], data)
    content["methods"] = list(case.methods)
    content["peers"]["budget"] = budget
    content["judges"] = [{**JUDGE, "train": {**JUDGE["train"], "steps": case.judge_steps}}]
    content["visualize"].update(seeds=case.seeds, checkpoint_every=NEVER)
    for block in ("extract", "visualize", "score"):
        content[block]["device"] = device
    return content


def shorten(
    content: dict[str, Any],
    classes: int | None,
    seeds: int | None,
    steps: int | None,
    judge_steps: int | None,
) -> None:
    """Lessen what is to be done, as far as something is given."""
    data, made = content["data"], content["visualize"]
    if classes is not None:
        folders = (Path(data["source"]) / data["splits"]["train"]).iterdir()
        data["classes"] = sorted(folder.name for folder in folders)[:classes]
    if seeds is not None:
        made["seeds"] = seeds
    if steps is not None:
        made["steps"] = steps
        if made.get("coarse"):
            made["coarse"]["steps"] = steps
    if judge_steps is not None:
        content["judges"][0]["train"]["steps"] = judge_steps


def run_case(project: Project, content: dict[str, Any], case: Case) -> dict[str, float]:
    """Make, judge and score all images in the project; returns each method's wall time.

    Where the case's ``equal`` is "seconds", peers are given as much time as VITAL took.
    """
    check_params(content)
    seed, device = read_seed(content), resolve_device(content["visualize"]["device"])
    prepare_images(project.images, read_block(content, "data", DataParams), seed)
    images = ImageSet.read(project.images)
    every = content["visualize"]["seeds"] * len(class_names(images.rows))
    at_once = case.cpu_batch if device.type == "cpu" else None
    content["visualize"]["batch"] = min(every, at_once or every)
    network = read_block(content, "model", ModelParams)
    make_model(project.model, images, network, seed, device)
    judges = read_block(content, "judges", JudgesParams)
    make_judges(project.judges, images, judges.root, seed, device)
    extract_classes(project, read_block(content, "extract", ExtractParams), images, seed)
    seconds: dict[str, float] = {}
    for method in content["methods"]:
        if case.equal == "seconds" and method != STUDIED:
            take = partial(timed_steps, project, content, method)
            steps = steps_within(seconds[STUDIED], take)
            content = with_steps(content, method, steps)
        seconds[method] = timed(project, content, method)
    folders = {method: project.visualizations(method) for method in content["methods"]}
    params = read_block(content, "score", ScoreParams)
    write_scores(project.scores, score_methods(read_scoring(project, folders, params, seed)))
    return seconds


def extract_classes(project: Project, params: ExtractParams, images: ImageSet, seed: int) -> None:
    """Statistics of the classes; there are no inner units."""
    studied, device = load_model(project.model), resolve_device(params.device)
    chosen = select_references(studied, images, params, seed, device)
    write_class_statistics(project.statistics, studied, chosen, params, device, project.work)
    write_patch_tables(project.references, [], [])


def with_steps(content: dict[str, Any], peer: str, steps: int) -> dict[str, Any]:
    """The same params with so many steps for a peer."""
    peers = content["peers"]
    return {**content, "peers": {**peers, peer: {**peers.get(peer, {}), "steps": steps}}}


def timed_steps(project: Project, content: dict[str, Any], peer: str, steps: int) -> float:
    """As :func:`timed`, for so many steps of a peer."""
    return timed(project, with_steps(content, peer, steps), peer)


def timed(project: Project, content: dict[str, Any], method: str) -> float:
    """Make all images of a method anew; returns the wall time in seconds of the whole stage.

    Not in it is what is done once for all images: the statistics of real images are kept.
    """
    measured = {path.name.partition(".")[0] for path in project.work.glob("*/*.tensors.*")}
    WorkStore(project.work).prune(measured, older_than_days=0)
    started = time.perf_counter()
    Plan(project, method, read_seed(content), RunParams.read(content)).write()
    return time.perf_counter() - started


def steps_within(seconds: float, make: Callable[[int], float]) -> int:
    """How many steps fit in a time, where ``make`` takes some and says how long that took."""
    few, many = PROBES
    make(few)  # what is done but once: measuring the real images, loading kernels
    short, long = make(few), make(many)
    step = max(long - short, 0.1 * long) / (many - few)  # above 0 even if the clock trembles
    return max(1, few + int((seconds - short) / step))


def show(name: str, project: Project, seconds: Mapping[str, float], out: Path | None) -> None:
    """Print a case's results and write them to ``out``."""
    lines = result_lines(project, seconds)
    text = "".join(json.dumps({"case": name, **line}) + "\n" for line in lines)
    tables = f"{effort_markdown(lines)}\n{score_markdown(project)}"
    typer.echo(f"{text}\n{tables}")
    if out is None:
        return
    write_text(out / f"{name}.jsonl", text)
    write_text(out / f"{name}.md", tables)
    for method in seconds:
        write_png(out / f"{name}-{method}.png", contact_sheet_of(project.visualizations(method)))


def result_lines(project: Project, seconds: Mapping[str, float]) -> list[dict[str, Any]]:
    """What each judge is worth, and what each method, and real images, came to."""
    judges = read_judge_accuracies(project.judges)
    scores = read_scores(project)
    images = read_parquet(project.scores / "targets.parquet").groupby("method")
    differences = read_parquet(project.scores / "differences.parquet").groupby("against")
    lines = [{"judge": judge, **metrics} for judge, metrics in judges.items()]
    for method, metrics in scores.items():
        line: dict[str, Any] = {"method": method}
        if method in seconds:
            line |= effort(read_index(project.visualizations(method)), seconds[method])
        line["probability"] = round(float(images.get_group(method)["probability"].mean()), 4)
        line |= {metric: value for metric, value in metrics.items() if value is not None}
        if method in differences.groups:
            rows = differences.get_group(method)[["metric", "difference", "low", "high"]].dropna()
            line["vital_minus_this"] = {
                metric: bounds for metric, *bounds in rows.itertuples(index=False, name=None)
            }
        lines.append(line)
    return lines


def effort(index: pd.DataFrame, seconds: float) -> dict[str, float]:
    """Steps, and wall time for all images and for one of them."""
    return {
        "steps": int(index["steps"].iloc[0]),
        "seconds": round(seconds, 2),
        "seconds_per_image": round(seconds / len(index), 4),
    }


def effort_markdown(lines: Sequence[Mapping[str, Any]]) -> str:
    """What the methods took, and how likely the studied network finds their classes."""
    keys = ("n", "steps", "seconds", "seconds_per_image", "probability")
    rows = {line["method"]: [str(line.get(key, MISSING)) for key in keys]
            for line in lines if "method" in line}  # fmt: skip
    return markdown_table(["method", *keys], [[name, *cells] for name, cells in rows.items()])


if __name__ == "__main__":
    typer.run(main)
