"""A run of MLflow's to log to, whatever becomes of its store meanwhile."""

from __future__ import annotations

import functools
import logging
import math
import re
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Real
from pathlib import Path, PurePosixPath
from typing import Any, Concatenate, ParamSpec, TypeVar

import pandas as pd
from PIL import Image

from vital.params.flat import as_json, flatten
from vital.pipeline.tracking.store import Store

log = logging.getLogger(__name__)

_METRICS_PER_REQUEST = 1000
_PARAMS_PER_REQUEST = 100
_VALUE_LENGTH = 6000
_DIGEST_LENGTH = 36
# MLflow takes 250, but an image's key is a part of a file name, which may have 255.
_KEY_LENGTH = 150

Arguments = ParamSpec("Arguments")
Item = TypeVar("Item")


def _tolerant(
    method: Callable[Concatenate[TrackedRun, Arguments], None],
) -> Callable[Concatenate[TrackedRun, Arguments], None]:
    """Call the method only while the store works, and keep the store's errors from the caller."""

    @functools.wraps(method)
    def attempt(run: TrackedRun, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
        if run.is_logging:
            with run.store.tolerated():
                method(run, *args, **kwargs)

    return attempt


class TrackedRun:
    """A run to log to; without a store that works every method does nothing."""

    def __init__(self, store: Store, client: Any = None, run: Any = None) -> None:
        self.store = store
        self._client = client
        self._run = run

    @property
    def is_logging(self) -> bool:
        """Whether there is a run, and the store has not failed yet."""
        return self._run is not None and not self.store.has_failed

    @property
    def run_id(self) -> str:
        """MLflow's name of the run, or an empty string."""
        return str(self._run.info.run_id) if self._run is not None else ""

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags that the run had when it was opened."""
        return dict(self._run.data.tags) if self._run is not None else {}

    @_tolerant
    def params(self, values: Mapping[str, Any]) -> None:
        """Log nested parameters under dotted names."""
        from mlflow.entities import Param

        flat = [Param(legal_key(key), _param_text(value)) for key, value in flatten(values)]
        for part in _portions(flat, _PARAMS_PER_REQUEST):
            self._client.log_batch(self.run_id, params=part)

    @_tolerant
    def metrics(self, values: Mapping[str, float | None], step: int | None = None) -> None:
        """Log single numbers; None, NaN and infinity are left out."""
        points = ((key, value, step or 0) for key, value in values.items())
        self._log_points(points, _now())

    @_tolerant
    def history(self, table: pd.DataFrame, step: str = "step") -> None:
        """Log every numeric column as a curve over the column named ``step``."""
        numbers = table.drop(columns=step).select_dtypes("number")
        points = (
            (str(name), value, int(at))
            for name in numbers
            for at, value in zip(table[step], numbers[name], strict=True)
        )
        # A fixed time makes a point that is logged twice the same point, which MLflow keeps once.
        self._log_points(points, self._run.info.start_time)

    @_tolerant
    def image(self, path: Path, key: str) -> None:
        """Log a picture; the same key in several runs puts them side by side in MLflow."""
        picture = _read_image(path)
        if picture is not None:
            self._client.log_image(
                self.run_id, picture, key=legal_key(key), step=0, synchronous=True
            )

    @_tolerant
    def table(self, frame: pd.DataFrame, name: str) -> None:
        """Log ``frame`` as ``<name>.json``, in place of one of that name."""
        file = f"{name}.json"
        if any(entry.path == file for entry in self._client.list_artifacts(self.run_id)):
            # log_table would append to it.
            text = frame.to_json(orient="split", index=False, date_format="iso")
            self._client.log_text(self.run_id, text, file)
        else:
            self._client.log_table(self.run_id, frame, file)

    @_tolerant
    def file(self, path: Path, folder: str | None = None) -> None:
        """Log a file under its own name, in a folder of the run's artefacts."""
        if is_there(path):
            self._client.log_artifact(self.run_id, str(path), folder)

    @_tolerant
    def dataset(self, name: str, path: Path, digest: str, context: str) -> None:
        """Log which data the run used, known by DVC's ``digest``; reads none of it."""
        from mlflow.data.dataset_source_registry import resolve_dataset_source
        from mlflow.data.meta_dataset import MetaDataset
        from mlflow.entities import Dataset, DatasetInput, InputTag

        with warnings.catch_warnings(action="ignore"):  # it knows two equal kinds of local folders
            source = resolve_dataset_source(path.as_posix())
        used = MetaDataset(  # type: ignore[abstract]  # mlflow's own subclasses leave it at that
            source, name=name, digest=digest[:_DIGEST_LENGTH]
        )
        tags = [InputTag("mlflow.data.context", context)]
        self._client.log_inputs(self.run_id, [DatasetInput(Dataset(**used.to_dict()), tags)])

    @_tolerant
    def tag(self, key: str, value: str) -> None:
        """Set one tag."""
        self._client.set_tag(self.run_id, key, value)

    @_tolerant
    def end(self, status: str) -> None:
        """End the run as FINISHED, FAILED or KILLED."""
        self._client.set_terminated(self.run_id, status)

    def image_keys(self) -> set[str]:
        """The keys of the pictures that the run has."""
        names: list[str] = []
        if self.is_logging:
            with self.store.tolerated():
                names = [entry.path for entry in self._client.list_artifacts(self.run_id, "images")]
        # MLflow writes <key>+step+<step>+...
        return {PurePosixPath(name).name.partition("+")[0] for name in names}

    def _log_points(self, points: Iterable[tuple[str, Any, int]], timestamp: int) -> None:
        from mlflow.entities import Metric

        metrics = [
            Metric(legal_key(key), float(value), timestamp, step)
            for key, value, step in points
            if isinstance(value, Real) and math.isfinite(value)
        ]
        for part in _portions(metrics, _METRICS_PER_REQUEST):
            self._client.log_batch(self.run_id, metrics=part)


def legal_key(key: str) -> str:
    """What MLflow accepts as the key of a parameter, a metric and an image alike."""
    return re.sub(r"[^A-Za-z0-9_.\- ]", "_", key).strip(". ")[:_KEY_LENGTH] or "_"


def is_there(path: Path) -> bool:
    """Whether there is such a file to log; one that is missing is named in the log."""
    if path.is_file():
        return True
    log.info("%s is not there: left out of MLflow", path)
    return False


def _param_text(value: Any) -> str:
    # As JSON with sorted keys: MLflow refuses another text for a parameter that it has.
    text = value if isinstance(value, str) else as_json(value)
    return text[:_VALUE_LENGTH]


def _portions(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _read_image(path: Path) -> Image.Image | None:
    try:
        with Image.open(path) as picture:
            return picture.copy()
    except FileNotFoundError:
        log.warning("%s cannot be shown in MLflow: it does not exist", path)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        log.warning("%s cannot be shown in MLflow: it is damaged or no image", path)
    return None


def _now() -> int:
    return int(time.time() * 1000)
