"""The report's last part: everything that determines what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vital.artefacts.checked import optional
from vital.artefacts.columns import LABEL
from vital.artefacts.lock import read_outputs
from vital.artefacts.manifest import MANIFEST, SPLIT, SPLITS
from vital.artefacts.model import ACCURACY, CLASSES, TAPS
from vital.artefacts.project import Project
from vital.params.base import read_block, read_params
from vital.params.extract import ExtractParams
from vital.params.flat import flatten
from vital.params.visualize import VisualizeParams
from vital.report.formatting import DASH, value_text

_SHOWN_ELSEWHERE = frozenset({CLASSES, TAPS, ACCURACY})


@dataclass(frozen=True)
class PlainTable:
    """A plain table; ``missing`` says why it has no rows."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    missing: str


def origin_tables(
    project: Project, description: Mapping[str, Any], accuracies: Mapping[str, float]
) -> list[PlainTable]:
    """The network, its taps, the photographs and the parameters."""
    content = read_params(project.params)
    facts = {name: description[name] for name in description if name not in _SHOWN_ELSEWHERE}
    network = _rows({**facts, **accuracies}) if description else []
    no_model = "No network here yet: the model stage has not run."
    return [
        PlainTable("Network", ("Property", "Value"), network, no_model),
        PlainTable("Taps", ("Tap", "Weight"), _taps(content, description.get(TAPS, {})), no_model),
        _image_counts(project),
        PlainTable("Parameters", ("Parameter", "Value"), _rows(content), ""),
    ]


def _taps(content: dict[str, Any], defaults: Mapping[str, float]) -> list[tuple[str, ...]]:
    """The taps that are matched, and how each is weighed."""
    taps = read_block(content, "extract", ExtractParams).taps or tuple(defaults)
    params = read_block(content, "visualize", VisualizeParams)
    given = defaults if params.tap_weights is None else params.tap_weights
    divided = "" if params.weighting == "plain" else " / variance of the unit's target"
    return [(tap, value_text(given.get(tap, 1.0)) + divided) for tap in taps]


def _rows(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A row per value of the nested blocks, by its dotted name."""
    return [(name, DASH if value == {} else value_text(value)) for name, value in flatten(content)]


def _image_counts(project: Project) -> PlainTable:
    manifest = MANIFEST.read_if_there(project.images)
    rows = []
    for split in () if manifest.empty else SPLITS:
        labels = manifest[LABEL][manifest[SPLIT] == split]
        rows.append((split, str(len(labels)), str(labels.nunique())))
    missing = "No images here yet: the prepare stage has not run."
    return PlainTable("Photographs", ("Split", "Images", "Classes"), rows, missing)


def locked_files(project: Project) -> PlainTable:
    """Every stage's outputs and their hashes, as far as the page can depend on them.

    Neither the report itself, whose hash cannot be known inside it, nor timings, which differ
    from run to run.
    """
    lock = optional(project.root / "dvc.lock", read_outputs) or {}
    timings = project.timing("any").parent.relative_to(project.root).as_posix()
    rows = [
        (str(stage), str(out["path"]), str(out.get(out.get("hash", "md5"), DASH)))
        for stage, outputs in lock.items()
        if stage != "report"
        for out in outputs
        if not str(out["path"]).startswith(f"{timings}/")
    ]
    missing = "No dvc.lock here: the files were not made by a finished pipeline run."
    return PlainTable("Files", ("Stage", "File", "Hash"), rows, missing)
