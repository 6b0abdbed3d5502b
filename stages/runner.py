"""What every stage does around its own work: check, time, track, explain errors."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vital import tracking
from vital.errors import VitalError
from vital.files import explain_os_error, remove_stale, write_json
from vital.params.base import BlockType, read_block, read_params, read_seed
from vital.params.check import check_params
from vital.project import Project
from vital.tracking import StageRun

log = logging.getLogger("vital")


@dataclass(frozen=True)
class Stage:
    """What a stage's function is given."""

    project: Project
    content: dict[str, Any]
    run: StageRun

    @property
    def seed(self) -> int:
        """The run's seed."""
        return read_seed(self.content)

    def params(self, name: str, kind: type[BlockType]) -> BlockType:
        """A checked block of params.yaml."""
        return read_block(self.content, name, kind)


def run(work: Callable[[Stage], None], *blocks: str) -> None:
    """Run a stage: its name is its function's, ``blocks`` are the parameters it depends on."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    name = work.__name__
    project = Project(Path.cwd())
    try:
        content = read_params(project.params)
        check_params(content)
        remove_stale(project.root / "data")
        started = time.perf_counter()
        with tracking.stage_run(project, name, {block: content[block] for block in blocks}) as kept:
            work(Stage(project, content, kept))
            seconds = round(time.perf_counter() - started, 2)
            write_json(project.timing(name), {"seconds": seconds})
            kept.metrics({"seconds": seconds})
        log.info("%s: done in %.1f s", name, seconds)
    except VitalError as error:
        sys.exit(f"{name}: {error}")
    except OSError as error:
        sys.exit(f"{name}: {explain_os_error(error)}")
    except KeyboardInterrupt:
        sys.exit(f"{name}: interrupted; what is finished is kept")
