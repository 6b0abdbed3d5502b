"""The parent run, from what the stages left in files."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from vital.artefacts.checked import named_path
from vital.artefacts.columns import IMAGE, METHOD
from vital.artefacts.project import METRICS_FILE, Project
from vital.artefacts.report import FIGURES_FOLDER, PAGE
from vital.artefacts.scores import (
    DIFFERENCES,
    HISTORY_FILE,
    INTERVALS,
    TARGETS,
    metrics_path,
    read_history,
)
from vital.artefacts.visualizations import INDEX, STEP, TRANSPARENT, is_loss, is_of_class
from vital.errors import VitalError
from vital.params.base import read_params
from vital.pipeline.tracking.lock import read_outputs
from vital.pipeline.tracking.run import TrackedRun, is_there, legal_key
from vital.runtime.files import digest, digest_file, read_json
from vital.runtime.table_files import read_parquet

log = logging.getLogger(__name__)

COMPLETED_TAG = "vital.completed"


@dataclass(frozen=True)
class _Part:
    """Files that are logged together, and how one of them is logged."""

    name: str
    paths: Sequence[Path]
    log: Callable[[Path], None]


class Completion:
    """Logs what the pipeline's files hold and the run does not show yet."""

    def __init__(self, project: Project, run: TrackedRun) -> None:
        self._project = project
        self._run = run
        self._shown: set[str] = set()

    def log_changed(self) -> None:
        """Log the parts whose files differ from those that were logged before."""
        done = _completed(self._run.tags.get(COMPLETED_TAG, "{}"))
        present = self._run.image_keys()
        for part in self._parts():
            paths = [path for path in part.paths if is_there(path)]
            content = digest([[path.name, digest_file(path, "md5")] for path in paths])[:16]
            if not paths or done.get(part.name) == content:
                continue
            # Logging that was cut short goes on where it was; changed pictures are shown anew.
            self._shown = set() if part.name in done else present
            for path in paths:
                _skip_damaged(part.log, path)
            done[part.name] = content
            self._run.tag(COMPLETED_TAG, json.dumps(done, sort_keys=True))

    def _parts(self) -> Iterator[_Part]:
        project = self._project
        yield _Part("params", [project.params], self._log_params)
        yield _Part("scores", [metrics_path(project.scores)], self._log_scores)
        yield _Part("model", [project.model / METRICS_FILE], self._log_model)
        yield _Part("judges", [project.judges / METRICS_FILE], self._log_judges)
        yield _Part("history", [project.scores / HISTORY_FILE], self._log_history)
        for table in (TARGETS, INTERVALS, DIFFERENCES):
            path = table.path(project.scores)
            yield _Part(path.stem, [path], self._log_table)
        timings = sorted(project.timing("any").parent.glob("*.json"))
        yield _Part("timings", timings, self._log_seconds)
        for index in sorted(project.visualizations("any").parent.glob(f"*/{INDEX.file}")):
            yield _Part(f"images/{index.parent.name}", [index], self._log_images)
        figures = sorted((project.report / FIGURES_FOLDER).glob("*.png"))
        yield _Part("figures", figures, self._log_figure)
        yield _Part("report", [project.report / PAGE], self._run.file)
        yield _Part("lock", [project.root / "dvc.lock"], self._log_lock)

    def _log_params(self, path: Path) -> None:
        self._run.params(read_params(path))
        self._run.file(path)

    def _log_scores(self, path: Path) -> None:
        scores = read_json(path)
        for method, values in scores.items():
            self._run.metrics({f"{method}.{name}": value for name, value in values.items()})
        table = pd.DataFrame.from_dict(scores, orient="index").rename_axis(METHOD)
        self._run.table(table.reset_index(), "metrics")

    def _log_model(self, path: Path) -> None:
        self._run.metrics({f"model.{name}": value for name, value in read_json(path).items()})

    def _log_judges(self, path: Path) -> None:
        for judge, values in read_json(path).items():
            self._run.metrics({f"judges.{judge}.{name}": value for name, value in values.items()})

    def _log_seconds(self, path: Path) -> None:
        self._run.metrics({f"seconds.{path.stem}": read_json(path)["seconds"]})

    def _log_history(self, path: Path) -> None:
        table = read_history(path.parent)
        is_class = is_of_class(table)
        self._log_curves(table[is_class], "")
        # They are matched at other taps with other weights: one mean over both would say nothing.
        self._log_curves(table[~is_class], "inner.")

    def _log_curves(self, table: pd.DataFrame, prefix: str) -> None:
        curves = table.groupby([METHOD, STEP]).mean(numeric_only=True)
        losses_only = curves[[name for name in curves if is_loss(str(name))]]
        for method, losses in losses_only.groupby(METHOD):
            named = losses.droplevel(METHOD).add_prefix(f"{method}.{prefix}")
            self._run.history(named.reset_index())

    def _log_table(self, path: Path) -> None:
        self._run.table(read_parquet(path), path.stem)

    def _log_images(self, path: Path) -> None:
        for row in read_parquet(path).to_dict("records"):
            key = "{method}-{tap}-{unit}-{seed}".format_map(row)
            self._log_image(named_path(path.parent, row[IMAGE]), key)
            transparent = row.get(TRANSPARENT)
            if not pd.isna(transparent):
                self._log_image(named_path(path.parent, transparent), f"{key}-transparent")

    def _log_figure(self, path: Path) -> None:
        self._log_image(path, f"figure-{path.stem}")

    def _log_image(self, path: Path, key: str) -> None:
        if legal_key(key) not in self._shown:
            self._run.image(path, key)

    def _log_lock(self, path: Path) -> None:
        self._run.file(path)
        folder = self._project.images.relative_to(self._project.root)
        md5 = _locked_hash(path, folder.as_posix())
        if md5:
            self._run.dataset("images", folder, md5, "reference")


def _completed(text: str) -> dict[str, Any]:
    """What a tag says of the parts that were logged; nothing where somebody has edited it."""
    try:
        done = json.loads(text)
    except ValueError:
        return {}
    return done if isinstance(done, dict) else {}


def _skip_damaged(write: Callable[[Path], None], path: Path) -> None:
    """Log one file; one that cannot be read must not keep the others from being logged."""
    try:
        write(path)
    except VitalError as error:
        log.warning("left out of MLflow: %s", error)
    except (LookupError, TypeError, ValueError, AttributeError, OSError):
        log.warning("left out of MLflow: %s does not hold what its stage writes", path)


def _locked_hash(lock: Path, path: str) -> str | None:
    """The hash of an output in the dvc.lock at ``lock``, or None where it has none.

    Raises ArtefactError when the file is damaged.
    """
    outputs = (out for stage in read_outputs(lock).values() for out in stage)
    return next((out.get("md5") for out in outputs if out["path"] == path), None)
