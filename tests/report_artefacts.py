"""A small project with everything that the report reads, made of random textures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from vital.files import write_csv, write_json, write_parquet, write_text
from vital.images import write_png
from vital.manifest import SPLITS, read_manifest, split_rows, write_manifest
from vital.project import Project
from vital.reference_table import write_references

SIDE = 24
TAPS = ("conv1", "layer1", "layer2")
PER_SPLIT = 4

_PARAMS = """\
seed: 0
data: {source: photographs, size: 24, per_class: {train: 4, validation: 4, heldout: 4}}
model: {name: timm/resnet10t, pretrained: true}
extract: {taps: [conv1, layer1, layer2], references: 4, batch: 4}
visualize: {steps: 40, lr: 0.1, weights: {conv1: 1.0, layer1: 0.5, layer2: 2.0}}
score: {}
report: {}  # <-- a comment & a sign
"""

_LOCK = """\
schema: '2.0'
stages:
  prepare:
    cmd: python -m stages.prepare
    outs:
    - {path: data/images, hash: md5, md5: 0123456789abcdef.dir, size: 12}
    - {path: data/timings/prepare.json, hash: md5, md5: differs-every-run, size: 1}
  report:
    cmd: python -m stages.report
    outs:
    - {path: data/report, hash: md5, md5: unknowable, size: 1}
"""


def write_artefacts(root: Path, classes: tuple[str, ...], seeds: int = 2) -> Project:
    """Write what all stages before the report write, for made-up classes."""
    project = Project(root)
    write_text(project.params, _PARAMS)
    write_text(root / "dvc.lock", _LOCK)
    draws = np.random.default_rng(0)
    _write_images(project, classes, draws)
    _write_model(project, classes)
    _write_visualizations(project, classes, seeds, draws)
    _write_scores(project, classes, seeds, draws)
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
    write_references(project.statistics, averaged.assign(probability=np.nan))


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


def _write_visualizations(
    project: Project, classes: tuple[str, ...], seeds: int, draws: np.random.Generator
) -> None:
    folder = project.visualizations("vital")
    index, history = [], []
    for unit, name in enumerate(classes):
        for seed in range(seeds):
            image = f"images/class-{unit:04d}-seed-{seed}.png"
            write_png(folder / image, _texture(unit, draws))
            target = {"method": "vital", "tap": "class", "unit": unit, "name": name, "seed": seed}
            response = {"loss": 0.1, "activation": 9.0, "probability": 0.987, "key": "0"}
            index.append({**target, "image": image, "steps": 40, **response})
            history += _curve(f"class/{unit}/{seed}", draws)
    write_parquet(folder / "index.parquet", pd.DataFrame(index))
    write_parquet(folder / "history.parquet", pd.DataFrame(history))


def _curve(target: str, draws: np.random.Generator) -> list[dict[str, object]]:
    rows = []
    for step in range(0, 40, 10):
        parts = {f"loss_{tap}": float(draws.uniform(1, 2)) / (1 + step) for tap in TAPS}
        total = {"method": "vital", "target": target, "step": step, "loss": sum(parts.values())}
        rows.append({**total, **parts, "loss_tv": 3.0, "loss_l2": 1.0})
    return rows


def _write_scores(
    project: Project, classes: tuple[str, ...], seeds: int, draws: np.random.Generator
) -> None:
    write_json(
        project.scores / "metrics.json", {"vital": _METRICS, "real": {**_METRICS, "kid": -0.001}}
    )
    targets = [
        {
            "method": "vital", "tap": "class", "unit": unit, "name": name, "seed": seed,
            "image": "unused", "predicted": 0, "predicted_name": classes[0], "probability": 0.9,
            "top1": unit == 0, "top5": True, "centroid_distance": 1.0,
        }
        for unit, name in enumerate(classes)
        for seed in range(seeds)
    ]  # fmt: skip
    write_parquet(project.scores / "targets.parquet", pd.DataFrame(targets))
    points = [
        {
            "kind": kind, "unit": unit, "name": name, "image": "unused",
            "x": 9 * np.cos(unit) + draws.normal(), "y": 9 * np.sin(unit) + draws.normal(),
        }
        for kind, amount in (("photograph", PER_SPLIT), ("vital", seeds))
        for unit, name in enumerate(classes)
        for _ in range(amount)
    ]  # fmt: skip
    write_csv(project.scores / "embedding.csv", pd.DataFrame(points))


_METRICS = {
    "accuracy_top1": 1.0, "accuracy_top5": 1.0, "frechet": 12.3456, "kid": 0.0123,
    "kid_std": 0.004, "centroid_distance": 1.25, "n": 24, "m": 200,
}  # fmt: skip
