"""The stages on images of one's own: twelve classes of a network that has a thousand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML
from safetensors.torch import save_file
from timm.data import ImageNetInfo

from helpers.own_images import encoded, noise, write_files
from helpers.small_networks import redraw
from stages.extract import extract
from stages.judges import judges
from stages.model import model
from stages.prepare import prepare
from stages.references import references
from stages.relevance import relevance
from stages.runner import Stage
from stages.score import score
from stages.units import units
from stages.visualize import visualize
from vital.artefacts.manifest import read_manifest
from vital.artefacts.project import Project
from vital.artefacts.reference_images import read_references
from vital.artefacts.visualizations import PHOTOGRAPH
from vital.networks.judges import read_judges
from vital.networks.model import build_network, load_model
from vital.params.base import read_params
from vital.pipeline.tracking.run import TrackedRun
from vital.references.reference_sets import ReferenceSet
from vital.references.statistics_files import StatisticsFile, tap_file
from vital.runtime.files import read_json

INDICES = (7, 1, 985, 281, 42, 500, 0, 999, 134, 517, 3, 77)
"""Of the network's classes, two of one name among them."""

KWARGS = {"channels": [8, 8, 8, 8], "num_classes": 1000}
TINY = {"channels": [8, 8, 8, 8]}
TRAIN = {"steps": 2, "batch": 4, "lr": 1.0e-3}
COUNTS = {"train": 4, "validation": 1, "heldout": 4}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose stages up to extract have run, and visualize for two of the classes."""
    root = tmp_path_factory.mktemp("own")
    synsets = ImageNetInfo().label_names()
    folders = {"a cat of my own" if index == 281 else synsets[index]: index for index in INDICES}
    files = {
        f"{name}/{number}.png": encoded(noise(index, number, width=40, height=36))
        for name, index in folders.items()
        for number in range(10)
    }
    write_files(root / "photos", files)
    weights = redraw(build_network("timm/resnet10t", KWARGS), seed=1).state_dict()
    weights["fc.bias"][281] += 1e3
    save_file(weights, root / "tiny.safetensors")
    content = {
        "seed": 0,
        "data": {
            "source": str(root / "photos"),
            "per_class": COUNTS,
            "class_map": {"a cat of my own": "tabby"},
        },
        "model": {
            "name": "timm/resnet10t",
            "kwargs": KWARGS,
            "checkpoint": str(root / "tiny.safetensors"),
        },
        "units": {},
        "extract": {"taps": ["conv1"], "references": 2, "batch": 8, "select": "confident"},
        "references": {},
        "relevance": {},
        "methods": ["vital"],
        "visualize": {"units": [281, 999], "steps": 2, "lr": 0.1, "batch": 2, "device": "cpu"},
        "peers": {},
        "judges": [{"name": "timm/resnet10t", "alias": "small", "kwargs": TINY, "train": TRAIN}],
        "score": {"perplexity": 5.0},
        "report": {},
    }
    YAML(typ="safe").dump(content, root / "params.yaml")
    for stage in (prepare, model, units, extract, references, relevance, judges):
        stage(_stage(root))
    visualize(_stage(root, method="vital"))
    return Project(root)


def _stage(root: Path, method: str = "") -> Stage:
    project = Project(root)
    return Stage(project, read_params(project.params), TrackedRun("nowhere"), method)


def test_the_networks_own_classes_are_named(project: Project) -> None:
    studied = load_model(project.model)
    assert len(studied.classes) == studied.outputs == 1000
    assert studied.classes[281] == "tabby"


def test_accuracy_counts_the_networks_labels(project: Project) -> None:
    """The network calls everything by the index of one class, which one folder in twelve means."""
    measured = read_json(project.model / "metrics.json")
    for name in ("accuracy_top1", "accuracy_top1_heldout"):
        assert measured[name] == pytest.approx(1 / 12, abs=1e-6)


def test_there_are_statistics_of_these_units_and_no_others(project: Project) -> None:
    sets = StatisticsFile(tap_file(project.statistics, "conv1")).sets()
    assert sets == [ReferenceSet(f"class/{index}") for index in sorted(INDICES)]


def test_the_references_are_those_of_each_folder(project: Project) -> None:
    table = read_references(project.statistics)
    sources = read_manifest(project.images).set_index("path")["source"]
    synsets = ImageNetInfo().label_names()
    assert sorted(table["unit"]) == sorted([*INDICES, *INDICES])
    for row in table.itertuples():
        folder = sources[row.path].partition("/")[0]
        assert folder == ("a cat of my own" if row.unit == 281 else synsets[row.unit])
        assert 0 <= row.probability <= 1


def test_scores_compare_the_classes_that_there_are(project: Project) -> None:
    score(_stage(project.root))
    targets = pd.read_parquet(project.scores / "targets.parquet")
    assert set(targets["unit"]) == {281, 999}
    shown = pd.read_csv(project.scores / "embedding.csv", keep_default_na=False)
    assert set(shown[shown["kind"] == PHOTOGRAPH]["unit"]) == set(INDICES)
    names = shown.groupby("unit")["name"].nunique()
    assert (names == 1).all()
    assert read_json(project.scores / "metrics.json")["real"]["m"] == 12 * 4 - 2


def test_a_judge_knows_the_classes_by_what_the_images_call_them(project: Project) -> None:
    """The studied network says "tabby cat" and numbers a thousand classes, the judge has twelve."""
    studied = load_model(project.model)
    (judge,) = read_judges(project.judges, studied, read_manifest(project.images)).values()
    assert set(judge.indices) == set(INDICES)
    assert sorted(judge.indices.values()) == list(range(12))
    synsets = ImageNetInfo().label_names()
    for ours, theirs in judge.indices.items():
        name = judge.model.classes[theirs]
        assert name == ("tabby" if ours == 281 else synsets[ours])
    metrics = read_json(project.scores / "metrics.json")["vital"]
    assert 0 <= metrics["transfer_small_accuracy_top1"] <= 1
    assert metrics["transfer_small_frechet"] > 0
