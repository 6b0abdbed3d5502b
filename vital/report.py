"""The static report: a folder with one page that opens from disk, without server or network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from vital.artefacts import checked, named_file, optional, per_method
from vital.errors import ArtefactError
from vital.figures import LOOKS, class_colours, draw_embedding, draw_losses, save_figure
from vital.files import read_json, read_parquet, replacing_folder, write_text
from vital.index import (
    HISTORY_FILE,
    INDEX_FILE,
    PHOTOGRAPH,
    REAL,
    class_curves,
    class_rows,
    read_history,
    read_index,
)
from vital.manifest import FILE_NAME as MANIFEST_FILE
from vital.manifest import SPLITS, read_manifest
from vital.params.base import read_block, read_params
from vital.params.extract import ExtractParams
from vital.params.report import ReportParams
from vital.params.visualize import VisualizeParams
from vital.project import DESCRIPTION_FILE, Project
from vital.reference_table import REFERENCES_FILE, read_references
from vital.report_circuits import circuit_sections
from vital.report_images import Picture, Shelf
from vital.report_units import unit_cards
from vital.wording import DASH, percent, value_text

PAGE = "index.html"
FIGURES_FOLDER = "figures"
IMAGES_FOLDER = "images"

_INDEX_COLUMNS = ("method", "tap", "unit", "name", "seed", "image", "probability")
_TARGET_COLUMNS = ("method", "tap", "unit", "seed", "predicted_name", "top1")
_MANIFEST_COLUMNS = ("path", "label", "class_name", "split")
_REFERENCE_COLUMNS = ("tap", "unit", "path")
_EMBEDDING_COLUMNS = ("kind", "unit", "name", "x", "y")


def build_report(project: Project, params: ReportParams) -> None:
    """Write data/report whole: the page, its figures, and copies of the images that it shows.

    What a stage has not made yet is said in its section. Raises ArtefactError for a file that is
    damaged, or a table that names an image outside its folder.
    """
    with replacing_folder(project.report) as folder:
        write_text(folder / PAGE, _render(_page(project, params, folder)))


def _page(project: Project, params: ReportParams, folder: Path) -> dict[str, Any]:
    """Everything that the template names."""
    shelf = Shelf(folder / IMAGES_FOLDER)
    cards = _gallery(project, params, shelf)
    units = unit_cards(project, params.references, shelf)
    description = optional(project.model / DESCRIPTION_FILE, read_json) or {}
    accuracies = _accuracies(project, description)
    metrics = optional(project.scores / "metrics.json", read_json) or {}
    methods = {shown.method for card in cards for shown in card.shown}
    methods |= {shown.method for card in units for shown in card.shown}
    return {
        "title": params.title,
        "network": description.get("architecture", "the network"),
        "headlines": _headlines(cards, metrics, accuracies),
        "cards": cards,
        "units": units,
        "anchors": {card.unit: f"unit-{i}" for i, card in enumerate(units, start=1)},
        "circuits": circuit_sections(project, params.references, folder / FIGURES_FOLDER),
        "several_methods": len(methods) > 1,
        "scores": _score_table(metrics),
        "legend": _embedding_figure(project, folder / FIGURES_FOLDER),
        "has_losses": _loss_figure(project, folder / FIGURES_FOLDER),
        "looks": [look.name for look in LOOKS],
        "tables": _provenance(project, description, accuracies),
        "files": _locked_files(project),
        "raw_params": project.params.read_text(encoding="utf-8"),
    }


def _render(page: Mapping[str, Any]) -> str:
    environment = Environment(
        loader=PackageLoader("vital", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    return environment.get_template("report.html.j2").render(page)


# Reading what other stages wrote


def _manifest(project: Project) -> pd.DataFrame | None:
    path = project.images / MANIFEST_FILE
    return (
        checked(read_manifest(project.images), _MANIFEST_COLUMNS, path) if path.exists() else None
    )


# The gallery


@dataclass(frozen=True)
class Shown:
    """One visualization; ``recognised`` is None where it has not been scored."""

    picture: Picture
    method: str
    seed: int
    probability: float
    recognised: bool | None
    predicted: str


@dataclass(frozen=True)
class Card:
    """A unit: photographs of its class, and what was made for it."""

    unit: int
    name: str
    photographs: list[Picture]
    shown: list[Shown]


def _gallery(project: Project, params: ReportParams, shelf: Shelf) -> list[Card]:
    """A card per class unit, in the order of units."""
    tables = per_method(project, INDEX_FILE, read_index, _INDEX_COLUMNS)
    if not tables:
        return []
    index = class_rows(pd.concat(tables.values(), ignore_index=True))
    verdicts = _verdicts(project)
    photographs = _photographs(project, params.references)
    cards = []
    for _, rows in index.sort_values(["method", "seed"]).groupby("unit", sort=True):
        first = rows.iloc[0]
        cards.append(
            Card(
                unit=int(first["unit"]),
                name=str(first["name"]),
                photographs=[
                    shelf.shrink(path, "photograph")
                    for path in photographs.get(int(first["unit"]), [])
                ],
                shown=[_shown(project, row, verdicts, shelf) for _, row in rows.iterrows()],
            )
        )
    return cards


def _photographs(project: Project, most: int) -> dict[int, list[Path]]:
    """For each class the first few of the very images whose features were averaged."""
    path = project.statistics / REFERENCES_FILE
    if not path.exists():
        return {}
    averaged = class_rows(checked(read_references(path.parent), _REFERENCE_COLUMNS, path))
    return {
        int(str(unit)): [named_file(project.images, str(path)) for path in rows["path"].head(most)]
        for unit, rows in averaged.groupby("unit")
    }


def _verdicts(project: Project) -> dict[tuple[Any, ...], tuple[bool, str]]:
    """For each scored target: is its class the likeliest, and which one is."""
    path = project.scores / "targets.parquet"
    table = optional(path, read_parquet)
    if table is None:
        return {}
    rows = checked(table, _TARGET_COLUMNS, path)[list(_TARGET_COLUMNS)]
    return {
        (method, tap, unit, seed): (bool(top1), str(predicted))
        for method, tap, unit, seed, predicted, top1 in rows.itertuples(index=False, name=None)
    }


def _shown(
    project: Project, row: pd.Series, verdicts: Mapping[tuple[Any, ...], Any], shelf: Shelf
) -> Shown:
    method, seed = str(row["method"]), int(row["seed"])
    recognised, predicted = verdicts.get((method, row["tap"], row["unit"], seed), (None, ""))
    return Shown(
        picture=shelf.copy(
            named_file(project.visualizations(method), str(row["image"])), "visualization"
        ),
        method=method,
        seed=seed,
        probability=float(row["probability"]),
        recognised=recognised,
        predicted=predicted,
    )


# Numbers


@dataclass(frozen=True)
class Metric:
    """A column of the scores: what it means and which way is better."""

    key: str
    label: str
    meaning: str
    better: str = ""
    is_share: bool = False


METRICS = (
    Metric(
        "accuracy_top1", "Top-1", "Share of images that the network itself assigns to the class "
        "they stand for.", "higher", is_share=True,
    ),
    Metric(
        "accuracy_top5", "Top-5", "Share of images whose class is among the network's five "
        "likeliest.", "higher", is_share=True,
    ),
    Metric(
        "frechet", "Fréchet distance", "Distance between two Gaussians, one fitted to the "
        "network's features of these N images and one to those of M held-out photographs. It "
        "falls with N, so compare rows of equal N only.", "lower",
    ),
    Metric(
        "kid", "KID", "Kernel distance between the same two sets of features, without bias, so "
        "that it can fall slightly below zero; ± its deviation over random subsets.", "lower",
    ),
    Metric(
        "centroid_distance", "Centroid distance", "How far an image's features lie from the "
        "centre of its class's photographs, in units of their own spread: 1 is where a typical "
        "photograph lies.", "lower",
    ),
    Metric("n", "N", "Images that were scored."),
    Metric("m", "M", "Held-out photographs that they were scored against."),
)  # fmt: skip
"""Known metrics in the order of the table; any other that the scores hold follows by its key."""

_DEVIATION = "_std"


@dataclass(frozen=True)
class ScoreTable:
    """The metrics as text: a row per method, then one for real photographs; None is unknown."""

    metrics: list[Metric]
    rows: list[tuple[str, bool, list[str | None]]]


def _score_table(metrics: Mapping[str, Mapping[str, Any]]) -> ScoreTable | None:
    if not metrics:
        return None
    columns = _metric_columns(metrics)
    rows = []
    for name in sorted(metrics, key=lambda name: (name == REAL, name)):
        cells = [_score_cell(column, metrics[name]) for column in columns]
        rows.append(("real photographs" if name == REAL else name, name == REAL, cells))
    return ScoreTable(columns, rows)


def _metric_columns(metrics: Mapping[str, Mapping[str, Any]]) -> list[Metric]:
    present = {key for row in metrics.values() for key in row if not key.endswith(_DEVIATION)}
    known = {metric.key for metric in METRICS}
    others = [Metric(key, key, "") for key in sorted(present - known)]
    counts = [metric for metric in METRICS if metric.key in ("n", "m")]
    leading = [metric for metric in METRICS if metric not in counts]
    return [metric for metric in [*leading, *others, *counts] if metric.key in present]


def _score_cell(metric: Metric, row: Mapping[str, Any]) -> str | None:
    value, deviation = row.get(metric.key), row.get(metric.key + _DEVIATION)
    if value is None:
        return None
    text = percent(value) if metric.is_share else value_text(value)
    return text if deviation is None else f"{text} ± {deviation:.2g}"


def _headlines(
    cards: Sequence[Card],
    metrics: Mapping[str, Mapping[str, Any]],
    accuracies: Mapping[str, float],
) -> list[tuple[str, str]]:
    """The numbers at the top of the page, each with what it counts."""
    lines = [
        (str(len(cards)), "classes"),
        (str(sum(len(card.shown) for card in cards)), "visualizations"),
    ]
    methods = sorted(set(metrics) - {REAL})
    for method in methods:
        share = metrics[method].get("accuracy_top1")
        if share is not None:
            suffix = f" ({method})" if len(methods) > 1 else ""
            lines.append((percent(share), f"of them recognised as their class{suffix}"))
    if "accuracy_top1" in accuracies:
        label = "of validation photographs recognised by the network"
        lines.append((percent(accuracies["accuracy_top1"]), label))
    return lines


def _accuracies(project: Project, description: Mapping[str, Any]) -> dict[str, float]:
    """How well the network does on real images, by the name of the measure."""
    measured = optional(project.model / "metrics.json", read_json)
    if measured is not None:
        return dict(measured)
    return {"accuracy_top1": description["accuracy"]} if "accuracy" in description else {}


# Figures


def _embedding_figure(project: Project, folder: Path) -> list[tuple[int, str, str]] | None:
    """Draw the t-SNE figure; its legend is unit, name and colour of each class."""
    table = optional(project.scores / "embedding.csv", _read_embedding)
    if table is None:
        return None
    names = {int(unit): str(name) for unit, name in zip(table["unit"], table["name"], strict=True)}
    colours = class_colours(sorted(names))
    kinds = {str(kind): rows for kind, rows in table.groupby("kind", sort=True)}
    real = kinds.pop(PHOTOGRAPH, table.head(0))
    save_figure(folder, "embedding", draw_embedding(real, kinds, colours))
    return [(unit, names[unit], colours[unit]) for unit in sorted(names)]


def _read_embedding(path: Path) -> pd.DataFrame:
    """Names stay text: a class may be called "NA", which pandas would take for a missing value."""
    types = {"kind": str, "unit": int, "name": str, "x": float, "y": float}
    try:
        table = pd.read_csv(path, dtype=types, keep_default_na=False)
    except ValueError as error:
        raise ArtefactError(f"{path} is damaged: {error}") from None
    return checked(table, _EMBEDDING_COLUMNS, path)


def _loss_figure(project: Project, folder: Path) -> bool:
    """Draw the loss curves of classes; False where no method has left any."""
    tables = per_method(project, HISTORY_FILE, read_history, ("target", "step", "loss"))
    curves = {method: class_curves(table) for method, table in tables.items()}
    histories = {method: table for method, table in curves.items() if len(table)}
    if histories:
        save_figure(folder, "losses", draw_losses(histories))
    return bool(histories)


# What produced it


@dataclass(frozen=True)
class Table:
    """A plain table; ``missing`` says why it has no rows."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    missing: str


def _provenance(
    project: Project, description: Mapping[str, Any], accuracies: Mapping[str, float]
) -> list[Table]:
    content = read_params(project.params)
    facts = {name: description[name] for name in description if name not in _SHOWN_ELSEWHERE}
    network = _flat({**facts, **accuracies}) if description else ()
    no_model = "No network here yet: the model stage has not run."
    return [
        Table("Network", ("Property", "Value"), list(network), no_model),
        Table("Taps", ("Tap", "Weight"), _taps(content, description.get("taps", {})), no_model),
        _image_counts(project),
        Table("Parameters", ("Parameter", "Value"), list(_flat(content)), ""),
    ]


_SHOWN_ELSEWHERE = frozenset({"classes", "taps", "accuracy"})


def _taps(content: dict[str, Any], defaults: Mapping[str, float]) -> list[tuple[str, ...]]:
    """The taps that are matched, and how each is weighed."""
    taps = read_block(content, "extract", ExtractParams).taps or tuple(defaults)
    params = read_block(content, "visualize", VisualizeParams)
    given = defaults if params.weights is None else params.weights
    divided = "" if params.weighting == "plain" else " / variance of the unit's target"
    return [(tap, value_text(given.get(tap, 1.0)) + divided) for tap in taps]


def _flat(content: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Nested blocks as dotted names with their values."""
    for name, value in content.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", DASH if value == {} else value_text(value)


def _image_counts(project: Project) -> Table:
    manifest = _manifest(project)
    rows = []
    if manifest is not None:
        for split in SPLITS:
            labels = manifest["label"][manifest["split"] == split]
            rows.append((split, str(len(labels)), str(labels.nunique())))
    missing = "No images here yet: the prepare stage has not run."
    return Table("Photographs", ("Split", "Images", "Classes"), rows, missing)


def _locked_files(project: Project) -> Table:
    """Every stage's outputs and their hashes, as far as the page can depend on them.

    Neither the report itself, whose hash cannot be known inside it, nor timings, which differ
    from run to run.
    """
    lock = optional(project.root / "dvc.lock", _read_lock) or {}
    timings = project.timing("any").parent.relative_to(project.root).as_posix()
    rows = [
        (str(stage), str(out["path"]), str(out.get(out.get("hash", "md5"), DASH)))
        for stage, record in lock.items()
        if stage != "report"
        for out in record.get("outs", [])
        if not str(out["path"]).startswith(f"{timings}/")
    ]
    missing = "No dvc.lock here: the files were not made by a finished pipeline run."
    return Table("Files", ("Stage", "File", "Hash"), rows, missing)


def _read_lock(path: Path) -> dict[str, Any]:
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise ArtefactError(f"{path} is damaged: {error}") from None
    return dict((content or {}).get("stages") or {})
