"""visualize: make an image for every target, by one method or by each method of the run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from stages.runner import Stage, run
from vital.engine.plan import Plan, RunParams
from vital.params.methods import check_method, read_methods
from vital.params.peers import PeersParams
from vital.params.relevance import RelevanceParams
from vital.params.visualize import VisualizeParams
from vital.runtime.files import replacing_folder


def visualize(stage: Stage) -> None:
    """Write the images, their index and their history to data/visualizations/<method>."""
    params = RunParams(
        stage.params("visualize", VisualizeParams),
        stage.params("peers", PeersParams),
        stage.params("relevance", RelevanceParams).masks(),
    )
    plan = Plan(stage.project, stage.method, stage.seed, params)
    with (
        replacing_folder(stage.project.visualizations(stage.method)) as folder,
        closing(plan.run()) as results,
    ):
        plan.write(folder, results)


def _asked_for() -> Sequence[str] | None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", help="one method alone; without it, all of params.yaml")
    method = parser.parse_args().method
    return None if method is None else (method,)


def _methods(content: dict[str, Any]) -> Sequence[str]:
    asked = _asked_for()
    for method in asked or ():
        check_method(method)
    return asked or read_methods(content)


if __name__ == "__main__":
    run(visualize, "seed", "relevance", "visualize", "peers", methods=_methods)
