"""Check before a run what can be known without weights: names, numbers and sizes."""

from __future__ import annotations

import logging
import platform
from functools import partial
from typing import Any

from vital.artefacts.project import Project
from vital.errors import ArtefactError, ParamsError
from vital.params.check import check_params
from vital.runtime.closure import code_digest
from vital.runtime.files import digest, read_json, write_json

log = logging.getLogger(__name__)

_PASSED_FILE = "dry_run.json"
_PASSED = "passed"
"""The digest of what was last found in order."""


def check_run(project: Project, content: dict[str, Any]) -> None:
    """Raise ParamsError, a line for each fault, for a run that would fail as it is described.

    Networks are built without values for their weights and shown a blank image. What only images
    or weights can tell is not looked at, and files need not be here.
    """
    import torch

    from vital.pipeline.checks.faults import all_faults, told
    from vital.pipeline.checks.registry import CHECKS
    from vital.pipeline.checks.run import Run

    run = Run(project.root, content)
    of_parameters = partial(told, "", partial(check_params, content))
    with torch.random.fork_rng(devices=[]):
        faults = all_faults([of_parameters, *(partial(check, run) for check in CHECKS)])
    if faults:
        raise ParamsError("\n".join(faults))


def check_once(project: Project, content: dict[str, Any], code: str) -> None:
    """As :func:`check_run`, unless the same was in order the last time; then torch is not loaded.

    ``code`` is a digest of the code of the stages, the user's own modules included.
    """
    key = digest([content, code, code_digest(__name__), platform.python_version()])
    path = project.state / _PASSED_FILE
    if _last_passed(project) == key:
        return
    log.info("checking units, taps, sizes and classes before the run")
    check_run(project, content)
    write_json(path, {_PASSED: key})


def _last_passed(project: Project) -> object:
    try:
        kept = read_json(project.state / _PASSED_FILE)
    except (ArtefactError, OSError):  # never, or damaged: it is checked again
        return None
    return kept.get(_PASSED) if isinstance(kept, dict) else None
