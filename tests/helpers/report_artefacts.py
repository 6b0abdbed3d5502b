"""A small project with everything that the report reads, made of random textures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from vital.artefacts.manifest import SPLITS, read_manifest, split_rows, write_manifest
from vital.artefacts.project import Project
from vital.artefacts.reference_images import write_references
from vital.images.files import write_png
from vital.runtime.files import write_json, write_text
from vital.runtime.table_files import read_parquet, write_csv, write_parquet

SIDE = 24
TAPS = ("conv1", "layer1", "layer2")
PER_SPLIT = 4
PATCHES, MASKED = 6, 3
"""Patches of an inner unit, and how many of them have a map of relevance."""

_PARAMS = """\
seed: 0
data: {source: photographs, size: 24, per_class: {train: 4, validation: 4, heldout: 4}}
model: {name: timm/resnet10t, pretrained: true}
extract: {taps: [conv1, layer1, layer2], references: 4, batch: 4}
references: {}
relevance: {}
units: {}
methods: [METHODS]
visualize: {steps: 40, lr: 0.1, tap_weights: {conv1: 1.0, layer1: 0.5, layer2: 2.0}}
peers: {}
judges: []
score: {}
report: {}  # <-- a comment & a sign
"""


def write_artefacts(
    root: Path, classes: tuple[str, ...], seeds: int = 2, methods: tuple[str, ...] = ("vital",)
) -> Project:
    """Write what all stages before the report write, for made-up classes."""
    project = Project(root)
    write_text(project.params, _PARAMS.replace("METHODS", ", ".join(methods)))
    draws = np.random.default_rng(0)
    _write_images(project, classes, draws)
    _write_model(project, classes)
    for method in methods:
        _write_visualizations(project, method, classes, seeds, draws)
    _write_scores(project, methods, classes, seeds, draws)
    return project


def _texture(unit: int, draws: np.random.Generator) -> np.ndarray:
    """Stripes in the class's own colour and slope, with noise."""
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE))
    stripes = 0.5 + 0.5 * np.sin(across * (0.3 + 0.1 * unit) + down * 0.2 * unit)
    colour = np.random.default_rng(unit).uniform(60, 250, 3)
    noisy = stripes[..., None] * colour + draws.normal(0, 12, (SIDE, SIDE, 3))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _write_images(project: Project, classes: tuple[str, ...], draws: np.random.Generator) -> None:
    rows: list[dict[str, object]] = []
    for split in SPLITS:
        for unit, name in enumerate(classes):
            for number in range(PER_SPLIT):
                path = f"{split}/{unit:03d}/{number:04d}.png"
                write_png(project.images / path, _texture(unit, draws))
                facts = {"path": path, "label": unit, "class_name": name, "split": split}
                size = {"width": SIDE, "height": SIDE, "sha256": "0" * 64, "source": path}
                rows.append({**facts, **size})
    write_manifest(project.images, rows)
    averaged = split_rows(read_manifest(project.images), SPLITS[0])
    write_references(project.statistics, averaged.assign(probability=np.nan, reference_set=0))


def _write_model(project: Project, classes: tuple[str, ...]) -> None:
    description = {
        "architecture": "timm/resnet10t",
        "kwargs": {"num_classes": len(classes)},
        "classes": list(classes),
        "preprocessing": {"size": [SIDE, SIDE], "mean": [0.5] * 3, "std": [0.25] * 3},
        "taps": dict.fromkeys(TAPS, 1.0),
        "sha256": "ab" * 32,
        "accuracy": 0.95,
    }
    write_json(project.model / "model.json", description)
    write_json(project.model / "metrics.json", {"accuracy_top1": 0.95})


def _image_name(unit: int, seed: int) -> str:
    return f"images/class-{unit:04d}-seed-{seed}.png"


def _write_visualizations(
    project: Project,
    method: str,
    classes: tuple[str, ...],
    seeds: int,
    draws: np.random.Generator,
) -> None:
    folder = project.visualizations(method)
    index, history = [], []
    for unit, name in enumerate(classes):
        for seed in range(seeds):
            image = _image_name(unit, seed)
            write_png(folder / image, _texture(unit, draws))
            target = {"method": method, "tap": "class", "unit": unit, "name": name, "seed": seed}
            response = {"loss": 0.1, "activation": 9.0, "probability": 0.987, "key": "0"}
            index.append({**target, "image": image, "steps": 40, **response})
            history += _curve(f"class/{unit}/{seed}", draws)
    write_parquet(folder / "index.parquet", pd.DataFrame(index))
    write_parquet(folder / "history.parquet", pd.DataFrame(history))


def write_inner_units(
    project: Project,
    units: Sequence[tuple[str, int]],
    classes: Sequence[str],
    seeds: int = 2,
    methods: Sequence[str] = ("vital",),
) -> None:
    """Add what the stages leave about inner units (tap, channel), all of them in every circuit."""
    draws = np.random.default_rng(1)
    _write_choice(project, units, classes)
    for method in methods:
        _write_inner_visualizations(project, method, units, seeds, draws)
    _write_patches(project, units, draws)


SHARES = (0.25, 0.125, 0.0625)
"""The relevance of a circuit's units, the first first."""


def _write_choice(
    project: Project, units: Sequence[tuple[str, int]], classes: Sequence[str]
) -> None:
    facts = [{"tap": tap, "channel": channel} for tap, channel in units]
    listed = [{**one, "why": "listed", "class": None, "class_name": None} for one in facts]
    parts = [
        {"class": index, "class_name": name, "rank": rank, **one, "share": share}
        for index, name in enumerate(classes)
        for rank, (one, share) in enumerate(zip(facts, SHARES, strict=False))
    ]
    chosen = [{**part, "why": "circuit"} for part in parts]
    table = pd.DataFrame([*listed, *chosen]).drop(columns="rank", errors="ignore")
    write_parquet(project.units / "units.parquet", table.astype({"class": "Int32"}))
    columns = ["class", "class_name", "rank", "tap", "channel", "share"]
    write_parquet(project.relevance / "circuits.parquet", pd.DataFrame(parts, columns=columns))


def _write_inner_visualizations(
    project: Project,
    method: str,
    units: Sequence[tuple[str, int]],
    seeds: int,
    draws: np.random.Generator,
) -> None:
    folder = project.visualizations(method)
    rows = []
    for tap, channel in units:
        for seed in range(seeds):
            file_name = f"{tap.replace('.', '-')}-{channel:04d}-seed-{seed}.png"
            colours = _texture(channel, draws)
            alpha = np.tile(np.linspace(0, 255, SIDE).astype(np.uint8), (SIDE, 1))
            write_png(folder / "images" / file_name, colours)
            write_png(folder / "transparent" / file_name, np.dstack([colours, alpha]))
            target = {"method": method, "tap": tap, "unit": channel, "name": f"{tap}/{channel}"}
            files = {"image": f"images/{file_name}", "transparent": f"transparent/{file_name}"}
            response = {"loss": 0.1, "activation": 3.0, "probability": np.nan, "key": "1"}
            rows.append({**target, "seed": seed, "steps": 40, **files, **response})
    _append(folder / "index.parquet", rows)
    curves = [_curve(f"{tap}/{channel}/0", draws) for tap, channel in units]
    _append(folder / "history.parquet", [row | {"loss": 1e6} for curve in curves for row in curve])


def _append(path: Path, rows: list[dict[str, object]]) -> None:
    write_parquet(path, pd.concat([read_parquet(path), pd.DataFrame(rows)], ignore_index=True))


def _write_patches(
    project: Project, units: Sequence[tuple[str, int]], draws: np.random.Generator
) -> None:
    patches, masks = [], []
    for tap, channel in units:
        for rank in range(PATCHES):
            name = f"{tap.replace('.', '-')}-{channel:04d}-{rank:03d}.png"
            write_png(project.references / "patches" / name, _texture(channel, draws))
            place = {"tap": tap, "channel": channel, "rank": rank}
            source = {"image": "train/000/0000.png", "box": [0, 0, SIDE, SIDE], "score": 9.0 - rank}
            file = {"criterion": "activation", "patch": f"patches/{name}"}
            patches.append({**place, **source, **file})
            if rank < MASKED:
                across = np.linspace(0, 255, SIDE).astype(np.uint8)
                write_png(project.relevance / "masks" / name, np.tile(across, (SIDE, 1)))
                masks.append({**place, "mask": f"masks/{name}"})
    write_parquet(project.references / "patches.parquet", pd.DataFrame(patches))
    write_parquet(project.relevance / "masks.parquet", pd.DataFrame(masks))
    dead = pd.DataFrame({"tap": pd.Series(dtype=str), "channel": pd.Series(dtype="int32")})
    write_parquet(project.references / "dead.parquet", dead)


def _curve(target: str, draws: np.random.Generator) -> list[dict[str, object]]:
    rows = []
    for step in range(0, 40, 10):
        parts = {f"loss_{tap}": float(draws.uniform(1, 2)) / (1 + step) for tap in TAPS}
        total = {"method": "vital", "target": target, "step": step, "loss": sum(parts.values())}
        rows.append({**total, **parts, "loss_tv": 3.0, "loss_l2": 1.0})
    return rows


def _write_scores(
    project: Project,
    methods: Sequence[str],
    classes: tuple[str, ...],
    seeds: int,
    draws: np.random.Generator,
) -> None:
    rows = dict.fromkeys(methods, _METRICS)
    write_json(project.scores / "metrics.json", {**rows, "real": {**_METRICS, "kid": -0.001}})
    targets = [
        {
            "method": method, "tap": "class", "unit": unit, "name": name, "seed": seed,
            "image": _image_name(unit, seed), "predicted": 0, "predicted_name": classes[0],
            "probability": 0.9, "top1": unit == 0, "top5": True,
            "centroid_distance": 1.0 + unit + 10 * place,
        }
        for place, method in enumerate(methods)
        for unit, name in enumerate(classes)
        for seed in range(seeds)
    ]  # fmt: skip
    write_parquet(project.scores / "targets.parquet", pd.DataFrame(targets))
    photographs = [
        _point("photograph", unit, name, f"{SPLITS[-1]}/{unit:03d}/{number:04d}.png", draws)
        for unit, name in enumerate(classes)
        for number in range(PER_SPLIT)
    ]
    made = [
        _point(method, unit, name, _image_name(unit, seed), draws)
        for method in methods
        for unit, name in enumerate(classes)
        for seed in range(seeds)
    ]
    write_csv(project.scores / "embedding.csv", pd.DataFrame([*photographs, *made]))


def _point(
    kind: str, unit: int, name: str, image: str, draws: np.random.Generator
) -> dict[str, object]:
    x, y = 9 * np.cos(unit) + draws.normal(), 9 * np.sin(unit) + draws.normal()
    return {"kind": kind, "unit": unit, "name": name, "x": x, "y": y, "image": image}


_METRICS = {
    "accuracy_top1": 1.0, "accuracy_top5": 1.0, "frechet": 12.3456, "kid": 0.0123,
    "kid_std": 0.004, "centroid_distance": 1.25, "n": 24, "m": 200,
}  # fmt: skip
