"""What each stage depends on besides parameters and what other stages write.

That is the code that it carries out, the packages whose versions can change its results, and what
it reads from outside. DVC compares ``data/inputs/<stage>.json`` with what it was in the last run.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vital.artefacts.project import STAGES, Project
from vital.errors import ArtefactError
from vital.methods.registry import MODULES
from vital.params.methods import read_methods
from vital.pipeline.outside import Outside, outside_of
from vital.runtime.closure import closure_of
from vital.runtime.file_digests import FileDigests, remembered_digests
from vital.runtime.files import read_json, write_json
from vital.runtime.packages import package_versions
from vital.runtime.source_files import remembering

log = logging.getLogger(__name__)

_TRACKING = "vital.pipeline.tracking"
"""Every stage loads it by way of stages.runner: neutral, but what it imports may not be."""

_NOTHING = object()
_SHOWN = 5
"""How many changes of one stage are named."""


@dataclass(frozen=True)
class Inputs:
    """The digests of a stage's code and of what it reads from outside, and its packages' versions.

    A file or folder that is not there has no digest.
    """

    code: Mapping[str, str]
    packages: Mapping[str, str | None]
    outside: Mapping[str, str | None]


def read_inputs(project: Project, content: Mapping[str, Any]) -> dict[str, Inputs]:
    """The inputs of every stage, of ``visualize`` for each method, by the name of their file.

    What is absent now but was there in an earlier run keeps the digest that it had, and is warned
    of. Raises ParamsError, DataError or ModelError for what cannot be read.
    """
    outside = outside_of(content, project.root)
    memo = project.state / "inputs"
    found = {}
    with (
        remembering(memo / "code.json"),
        remembered_digests(memo / "outside.json") as digests,
    ):
        for stage, name, roots in _stages(content):
            reads = outside.get(stage, Outside())
            closure = closure_of(*roots, *reads.modules, folder=project.root)
            found[name] = Inputs(
                closure.files,
                package_versions((closure.packages | reads.packages) - reads.unused),
                _digests(project, name, reads, digests),
            )
    return found


def write_inputs(project: Project, inputs: Mapping[str, Inputs]) -> None:
    """Write the file of each stage where it differs from what it was, and say what changed."""
    changed, new = False, []
    for name, one in inputs.items():
        path, content = _path(project, name), asdict(one)
        before = _read(path)
        if before == content:
            continue
        write_json(path, content)
        changed = True
        if before:
            log.info("%s: %s", name, _describe(before, content))
        else:
            new.append(name)
    if new:
        log.info("read for the first time: what %s depend on", ", ".join(new))
    expected = {_path(project, name) for name in inputs}
    for path in project.inputs.rglob("*.json"):
        if path not in expected:
            path.unlink()
    if not changed:
        log.info("nothing has changed")


def _stages(content: Mapping[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each stage, the name of its file, and the modules that its code starts from."""
    for stage in STAGES:
        roots = (f"stages.{stage}", _TRACKING)
        if stage == "visualize":
            for method in read_methods(dict(content)):
                yield stage, f"{stage}/{method}", (*roots, MODULES[method])
        elif stage != "inputs":
            yield stage, stage, roots


def _path(project: Project, name: str) -> Path:
    return project.inputs / f"{name}.json"


def _digests(
    project: Project, stage: str, reads: Outside, digests: FileDigests
) -> dict[str, str | None]:
    """The digest of what each parameter names; of what is gone, the last one."""
    before = _read(_path(project, stage)).get("outside") or {}
    found: dict[str, str | None] = {}
    for name, places in reads.files.items():
        digest = digests.digest(places)
        found[name] = before.get(name) if digest is None else digest.sha256
        if digest is None and found[name]:
            log.warning(
                "%s: %s is not there: it is taken to be as it was when it was last read",
                name,
                places[0][1],
            )
        elif digest and any(digest.changed):
            log.info("%s: changed files: %s", name, _first(digest.changed))
    return found


def _read(path: Path) -> dict[str, Any]:
    """What the file held; nothing where it is not there or damaged."""
    try:
        content = read_json(path)
    except (ArtefactError, OSError):
        return {}
    return content if isinstance(content, dict) else {}


def _describe(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Which of the inputs are not what they were."""
    changed = [
        f"{name} {'is new' if name not in old else 'is gone' if name not in new else 'has changed'}"
        for part in now
        for old, new in [(before.get(part) or {}, now[part])]
        for name in sorted({*old, *new})
        if old.get(name, _NOTHING) != new.get(name, _NOTHING)
    ]
    return _first(changed)


def _first(names: Sequence[str]) -> str:
    """The first of the names, and how many there are besides."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
