"""score: judge the visualizations, and real images in the same number, by the same measures."""

from __future__ import annotations

from stages.runner import Stage, run
from vital.artefacts.scores import write_history, write_scores
from vital.artefacts.visualizations import read_history
from vital.params.methods import read_methods
from vital.params.score import ScoreParams
from vital.scoring.score import read_scoring, score_methods


def score(stage: Stage) -> None:
    """Write metrics, what they were made of and the histories to data/scores."""
    params = stage.params("score", ScoreParams)
    project = stage.project
    folders = {method: project.visualizations(method) for method in read_methods(stage.content)}
    scores = score_methods(read_scoring(project, folders, params, stage.seed), project.work)
    write_scores(project.scores, scores)
    write_history(project.scores, [read_history(folder) for folder in folders.values()])
    stage.run.table(scores.targets, "targets")
    stage.run.table(scores.intervals, "intervals")
    stage.run.table(scores.differences, "differences")
    for method, metrics in scores.metrics.items():
        stage.run.metrics({f"{method}.{name}": value for name, value in metrics.items()})


if __name__ == "__main__":
    run(score, "seed", "methods", "score")
