"""inputs: what every stage depends on besides parameters, and whether the run can go well."""

from __future__ import annotations

import logging
from typing import Any

from stages.runner import run_untracked
from vital.artefacts.project import Project
from vital.params.check import check_params
from vital.params.together import without_effect
from vital.pipeline.inputs import read_inputs, write_inputs

log = logging.getLogger(__name__)


def inputs(project: Project, content: dict[str, Any]) -> None:
    """Check the whole run and write data/inputs: a file for each stage, for each method one."""
    check_params(content)
    for key, reason in without_effect(content).items():
        log.warning("%s has no effect: %s", key, reason)
    write_inputs(project, read_inputs(project, content))


if __name__ == "__main__":
    run_untracked(inputs)
