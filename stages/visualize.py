"""visualize: make an image for every target, by one method or by each method of the run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from stages.runner import Stage, run
from vital.engine.plan import Plan, RunParams
from vital.params.methods import check_method, read_methods


def visualize(stage: Stage) -> None:
    """Write the images, their index and their history to data/visualizations/<method>."""
    params = RunParams.read(stage.content)
    Plan(stage.project, stage.method, stage.seed, params).write()


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
