"""Does a trained network see in the visualizations what they were made for, as far as it can?

    python -m experiments.real_networks [--case NAME] [--data FOLDER] [--keep FOLDER]

Each case runs a profile through the pipeline's own stages in a scratch folder and prints one line
of JSON. ``ceiling_*`` is what perfect matching of the last tap can reach: the network's head on
the mean penultimate feature of each class's references. The head is linear, so that is the mean of
their logits. ``real_*`` is as many held-out photographs, scored alike. The folder of real networks
and images is --data or the variable VITAL_REAL_DATA.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from ruamel.yaml import YAML

from benchmarks.checkout import ROOT
from benchmarks.folders import kept_or_temporary
from experiments.options import RealData, asked_for, real_data
from vital.artefacts.project import STAGES, Project
from vital.artefacts.reference_images import read_references
from vital.artefacts.visualizations import read_index
from vital.images.image_set import ImageSet
from vital.networks.model import load_model
from vital.networks.taps.penultimate import features_and_logits
from vital.pipeline.profiles import compose_profile
from vital.runtime.files import read_json

STAGES_TO_SCORE = STAGES[: STAGES.index("score") + 1]
METHOD = "vital"


@dataclass(frozen=True)
class Case:
    """A profile, which of the real data it needs, and what is changed."""

    profile: str
    images: str
    weights: str
    changes: Mapping[str, Mapping[str, Any]]


CASES = {
    "mobilenetv2_random": Case(
        "mobilenetv2", "tiny-imagenet-dogs", "mobilenetv2_100.tflite_dequant.safetensors",
        {"extract": {"select": "random"}},
    ),
    "mobilenetv2_imagenette": Case(
        "mobilenetv2", "imagenette", "mobilenetv2_100.tflite_dequant.safetensors", {},
    ),
    "mobilenetv2_confident": Case(
        "mobilenetv2", "tiny-imagenet-dogs", "mobilenetv2_100.tflite_dequant.safetensors",
        {"extract": {"select": "confident"}},
    ),
    "cifar_resnet20": Case("cifar_resnet20", "cifar10", "cifar_resnet20.safetensors", {}),
}  # fmt: skip


def main(
    case: Annotated[list[str] | None, typer.Option(help="; ".join(CASES))] = None,
    data: RealData = None,
    keep: Annotated[Path | None, typer.Option(help="Keep each case's folder here")] = None,
) -> None:
    """Run the cases asked for, or all of them."""
    source = real_data(data)
    for name in asked_for(case, CASES, CASES, "--case"):
        with kept_or_temporary(keep and keep / name) as folder:
            project = _run(CASES[name], source, folder)
            typer.echo(json.dumps({"case": name, **_figures(project)}))


def case_params(case: Case, data: Path) -> dict[str, Any]:
    """The content of the case's params file: its profile, with its images, weights and changes."""
    content: dict[str, Any] = YAML(typ="safe").load(
        compose_profile(ROOT / "profiles", case.profile)
    )
    content["data"]["source"] = str(data / case.images)
    content["model"]["checkpoint"] = str(data / case.weights)
    for block, values in case.changes.items():
        content[block].update(values)
    return content


def _run(case: Case, data: Path, folder: Path) -> Project:
    """Run the stages in ``folder``; what they say goes to standard error."""
    content = case_params(case, data)
    with (folder / "params.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(content, file)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "VITAL_TRACKING": "off"}
    for stage in STAGES_TO_SCORE:
        subprocess.run(
            [sys.executable, "-m", f"stages.{stage}"],
            cwd=folder, env=environment, stdout=sys.stderr, check=True,
        )  # fmt: skip
    return Project(folder)


def _figures(project: Project) -> dict[str, float | None]:
    scores = read_json(project.scores / "metrics.json")
    index = read_index(project.visualizations(METHOD))
    ceiling_top1, ceiling_probability = _ceiling(project)
    return {
        "accuracy_top1": scores[METHOD]["accuracy_top1"],
        "probability": round(float(index["probability"].mean()), 4),
        "ceiling_top1": ceiling_top1,
        "ceiling_probability": ceiling_probability,
        "frechet": scores[METHOD]["frechet"],
        "kid": scores[METHOD]["kid"],
        "real_frechet": scores["real"]["frechet"],
        "real_kid": scores["real"]["kid"],
        "seconds": read_json(project.timing(f"visualize@{METHOD}"))["seconds"],
    }


def _ceiling(project: Project) -> tuple[float, float]:
    """Top-1 and mean probability of the head on each class's mean feature."""
    studied = load_model(project.model)
    right, probabilities = [], []
    for key, rows in read_references(project.statistics).groupby("unit"):
        unit = int(str(key))
        images = ImageSet(project.images, rows).load(studied.preprocessing)
        _, logits = features_and_logits(studied.network, images)
        mean = logits.double().mean(dim=0)
        right.append(int(mean.argmax()) == unit)
        probabilities.append(float(torch.softmax(mean, dim=0)[unit]))
    return round(float(np.mean(right)), 4), round(float(np.mean(probabilities)), 4)


if __name__ == "__main__":
    typer.run(main)
