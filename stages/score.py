"""score: judge the visualizations, and real images in the same number, by the same measures."""

from __future__ import annotations

import pandas as pd

from stages.runner import Stage, run
from vital.artefacts.manifest import read_manifest, split_rows
from vital.artefacts.visualizations import read_history
from vital.networks.classes import ClassMap, resolve_labels
from vital.networks.judges import read_judges
from vital.networks.model import load_model
from vital.params.methods import read_methods
from vital.params.score import ScoreParams
from vital.runtime.devices import resolve_device
from vital.runtime.files import write_csv, write_json, write_parquet
from vital.scoring.score import score_methods


def score(stage: Stage) -> None:
    """Write metrics, what they were made of and the histories to data/scores."""
    params = stage.params("score", ScoreParams)
    project = stage.project
    folders = {method: project.visualizations(method) for method in read_methods(stage.content)}
    studied = load_model(project.model)
    manifest = read_manifest(project.images)
    known = ClassMap(studied.classes, studied.outputs)
    scores = score_methods(
        studied,
        read_judges(project.judges, studied, manifest),
        folders,
        project.images,
        split_rows(resolve_labels(manifest, known), "heldout"),
        params,
        stage.seed,
        resolve_device(params.device),
        project.work,
    )
    folder = project.scores
    write_json(folder / "metrics.json", scores.metrics)
    write_json(folder / "reasons.json", scores.reasons)
    write_parquet(folder / "targets.parquet", scores.targets)
    write_parquet(folder / "intervals.parquet", scores.intervals)
    write_parquet(folder / "differences.parquet", scores.differences)
    write_csv(folder / "embedding.csv", scores.embedding)
    histories = pd.concat([read_history(one) for one in folders.values()], ignore_index=True)
    write_csv(folder / "history.csv", histories)
    stage.run.table(scores.targets, "targets")
    stage.run.table(scores.intervals, "intervals")
    stage.run.table(scores.differences, "differences")
    for method, metrics in scores.metrics.items():
        stage.run.metrics({f"{method}.{name}": value for name, value in metrics.items()})


if __name__ == "__main__":
    run(score, "seed", "methods", "score")
