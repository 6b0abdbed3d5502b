"""What every stage does around its own work: check, time, track, explain errors."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from vital.artefacts.project import Project
from vital.params.base import BlockType, read_block, read_params, read_seed
from vital.runtime.endings import explained
from vital.runtime.files import remove_stale, write_json
from vital.runtime.locks import only_run
from vital.runtime.signals import interruptible

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("vital")


class Log(Protocol):
    """What a stage tells of its work besides its files."""

    def metrics(self, values: Mapping[str, float | None]) -> None: ...

    def table(self, frame: pd.DataFrame, name: str) -> None: ...

    def file(self, path: Path, folder: str) -> None: ...


@dataclass(frozen=True)
class Stage:
    """What a stage's function is given; ``method`` where the stage runs once per method."""

    project: Project
    content: dict[str, Any]
    run: Log
    method: str = ""

    @property
    def seed(self) -> int:
        """The run's seed."""
        return read_seed(self.content)

    def params(self, name: str, kind: type[BlockType]) -> BlockType:
        """A checked block of params.yaml."""
        return read_block(self.content, name, kind)


def run(
    work: Callable[[Stage], None],
    *blocks: str,
    methods: Callable[[dict[str, Any]], Sequence[str]] | None = None,
) -> None:
    """Run a stage: its name is its function's, ``blocks`` are the parameters it depends on.

    With ``methods``, which chooses them by the content of params.yaml, it runs for each in turn.
    """
    name = work.__name__
    _show_log()
    with explained(name), interruptible():
        project = Project(Path.cwd())
        content = read_params(project.params)
        for folder in (project.root / "data", project.state, project.locks):
            remove_stale(folder)
        for method in [""] if methods is None else methods(content):
            _run_once(work, project, content, blocks, method)


def run_untracked(work: Callable[[Project, dict[str, Any]], None]) -> None:
    """Run what is no work on images: neither timed nor tracked, its name is its function's."""
    _show_log()
    with explained(work.__name__), interruptible():
        project = Project(Path.cwd())
        with only_run(project.locks, work.__name__):
            work(project, read_params(project.params))


def _show_log() -> None:
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")


def _run_once(
    work: Callable[[Stage], None],
    project: Project,
    content: dict[str, Any],
    blocks: Sequence[str],
    method: str,
) -> None:
    from vital.pipeline import tracking  # only here: a stage's function alone needs no tracking

    name = f"{work.__name__}@{method}" if method else work.__name__
    params = {block: content[block] for block in blocks}
    started = time.perf_counter()
    with only_run(project.locks, name), tracking.stage_run(project, name, params) as kept:
        work(Stage(project, content, kept, method))
        seconds = round(time.perf_counter() - started, 2)
        write_json(project.timing(name), {"seconds": seconds})
        kept.metrics({"seconds": seconds})
    log.info("%s: done in %.1f s", name, seconds)
