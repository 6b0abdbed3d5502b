"""inputs: what every stage depends on besides parameters, and whether the run can go well."""

from __future__ import annotations

import logging
from typing import Any

from stages.runner import run_untracked
from vital.artefacts.project import Project
from vital.params.check import check_params
from vital.params.together import without_effect
from vital.pipeline.dry_run import check_once
from vital.pipeline.guards import refuse_endangered
from vital.pipeline.inputs import read_inputs, write_inputs
from vital.runtime.files import digest

log = logging.getLogger(__name__)


def inputs(project: Project, content: dict[str, Any]) -> None:
    """Check the whole run and write data/inputs: a file for each stage, for each method one."""
    check_params(content)
    refuse_endangered(project, content)
    found = read_inputs(project, content)
    code = [[dict(one.code), dict(one.packages)] for one in found.values()]
    check_once(project, content, digest(code))
    for key, reason in without_effect(content).items():
        log.warning("%s has no effect: %s", key, reason)
    write_inputs(project, found)


if __name__ == "__main__":
    run_untracked(inputs)
