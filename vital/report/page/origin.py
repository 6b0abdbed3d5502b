"""The report's last part: everything that determines what it shows."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from vital.artefacts.columns import LABEL
from vital.artefacts.manifest import MANIFEST, SPLIT, SPLITS
from vital.artefacts.model import ACCURACY, CLASSES, DESCRIPTION_FILE, TAPS, WEIGHTS_FILE
from vital.artefacts.project import METRICS_FILE, Project
from vital.artefacts.reference_images import REFERENCES
from vital.artefacts.scores import score_files
from vital.params.base import read_block, read_params
from vital.params.check import parse_params
from vital.params.extract import ExtractParams
from vital.params.flat import flatten
from vital.params.methods import read_methods
from vital.params.visualize import VisualizeParams
from vital.report.formatting import DASH, value_text
from vital.runtime.dvc_hash import dvc_hash

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
    content = parse_params(read_params(project.params))
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


def params_text(project: Project) -> str:
    """The parameters as a params file: what it says, without its comments."""
    text = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.width = False, 100
    yaml.dump(parse_params(read_params(project.params)), text)
    return text.getvalue()


def file_table(project: Project) -> PlainTable:
    """What the page is made of, by stage, and the hashes that DVC gives to it."""
    rows = [
        (stage, path.relative_to(project.root).as_posix(), dvc_hash(path))
        for stage, path in _files(project)
        if path.exists()
    ]
    return PlainTable("Files", ("Stage", "File", "Hash"), rows, "No files here yet.")


def _files(project: Project) -> Iterator[tuple[str, Path]]:
    yield "prepare", project.images
    for file in (WEIGHTS_FILE, DESCRIPTION_FILE, METRICS_FILE):
        yield "model", project.model / file
    yield "units", project.units
    yield "extract", REFERENCES.path(project.statistics)
    yield "references", project.references
    yield "relevance", project.relevance
    for method in read_methods(read_params(project.params)):
        yield f"visualize@{method}", project.visualizations(method)
    for path in score_files(project.scores):
        yield "score", path
