"""Work that is ended midway goes on from its finished parts, and ends in the same bytes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pytest
import torch
from small_networks import KWARGS, TAPS, lively_model, write_noise
from timm.models.resnet import ResNet
from torch.nn.modules.module import register_module_forward_pre_hook

from stages.extract import extract
from stages.references import references
from stages.relevance import relevance
from stages.runner import Stage
from stages.score import score
from vital import patches
from vital.errors import Interrupted
from vital.files import digest_file, write_json, write_parquet
from vital.manifest import write_manifest
from vital.models import save_model
from vital.parts import Parts, parts_until_done
from vital.project import Project
from vital.scoring import views
from vital.unit_table import units_table, write_units

CLASSES = ("one", "two", "three", "four")
EACH = {"train": 3, "heldout": 4}
CONTENT = {
    "seed": 0,
    "extract": {"taps": list(TAPS), "references": 3, "batch": 2},
    "references": {"count": 3, "shortlist": 6, "patch": 16, "batch": 2},
    "relevance": {"taps": ["input", "conv1"], "batch": 2, "shown": 2},
    "methods": ["vital", "activation"],
    "score": {"perplexity": 3.0, "resamples": 20, "batch": 2},
}
WORKS = [extract, references, relevance, score]
OUTPUTS = {"extract": "statistics", "score": "scores"}
Work = Callable[[Stage], None]


class KilledError(Exception):
    """Stands for the end of a process."""


class NoLog:
    """A stage's log that keeps nothing."""

    def metrics(self, values: object) -> None: ...

    def table(self, frame: object, name: str) -> None: ...

    def file(self, path: object, folder: str) -> None: ...


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """All that the four stages read, of noise."""
    project = Project(tmp_path_factory.mktemp("project"))
    _write_images(project.images)
    model = lively_model(TAPS)
    save_model(
        project.model,
        model.network,
        {
            "architecture": "timm/resnet10t",
            "kwargs": KWARGS,
            "classes": list(CLASSES),
            "preprocessing": model.preprocessing.to_dict(),
            "taps": model.taps,
        },
    )
    chosen = [("layer2", channel, "listed", None, None, None) for channel in range(3)]
    write_units(project.units, units_table(chosen))
    for seed, method in enumerate(CONTENT["methods"]):
        _write_visualizations(project.visualizations(method), seed)
    write_json(project.judges / "metrics.json", {})
    references(stage_of(project))  # which relevance reads
    return project


def _write_images(folder: Path) -> None:
    names = [(split, name) for split, count in EACH.items() for name in CLASSES * count]
    write_noise(folder, len(names))
    rows = [
        {"path": f"{i}.png", "label": CLASSES.index(name), "class_name": name, "split": split,
         "width": 32, "height": 32, "sha256": digest_file(folder / f"{i}.png"), "source": ""}
        for i, (split, name) in enumerate(names)
    ]  # fmt: skip
    write_manifest(folder, rows)


def _write_visualizations(folder: Path, seed: int) -> None:
    write_noise(folder, len(CLASSES), seed + 1)
    index = [
        {"tap": "class", "unit": i, "name": name, "seed": 0, "image": f"{i}.png"}
        for i, name in enumerate(CLASSES)
    ]
    write_parquet(folder / "index.parquet", pd.DataFrame(index))
    history = [{"method": folder.name, "target": "class/0", "step": 0, "loss": 1.0}]
    write_parquet(folder / "history.parquet", pd.DataFrame(history))


def stage_of(project: Project, **changes: object) -> Stage:
    return Stage(project, {**CONTENT, **changes}, NoLog())


def results(project: Project, work: Work) -> dict[str, bytes]:
    folder = project.root / "data" / OUTPUTS.get(work.__name__, work.__name__)
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def kept(project: Project) -> list[Path]:
    return sorted(project.work.rglob("*.safetensors"))


@contextmanager
def passes(until: int | None = None, signals: bool = False) -> Iterator[list[int]]:
    """The sizes of the batches that the network is shown; after ``until`` the process ends."""
    seen: list[int] = []

    def note(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        if not isinstance(module, ResNet):
            return
        if len(seen) == until and signals:
            os.kill(os.getpid(), signal.SIGTERM)
        elif len(seen) == until:
            raise KilledError
        seen.append(len(inputs[0]))

    handle = register_module_forward_pre_hook(note)
    try:
        yield seen
    finally:
        handle.remove()


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts are of so few images that a small test sees it."""
    monkeypatch.setattr(patches, "_BATCHES", 2)
    monkeypatch.setattr(patches, "_IMAGES", 2)
    monkeypatch.setattr(views, "_BATCHES", 2)


@pytest.mark.parametrize("share", [0.4, 0.9])
@pytest.mark.parametrize("work", WORKS)
def test_a_killed_stage_goes_on_and_ends_in_the_same_bytes(
    project: Project, work: Work, share: float
) -> None:
    with passes() as undisturbed:
        work(stage_of(project))
    wanted = results(project, work)
    assert kept(project) == []
    end = int(share * len(undisturbed))
    with pytest.raises(KilledError), passes(until=end):
        work(stage_of(project))
    assert kept(project)
    with passes() as resumed:
        work(stage_of(project))
    assert results(project, work) == wanted
    # Of all that was done before the end, most was done once.
    assert len(undisturbed) - len(resumed) > end / 4
    assert kept(project) == []


@pytest.mark.parametrize("work", WORKS)
def test_a_signal_is_obeyed_once_the_part_is_saved(project: Project, work: Work) -> None:
    with passes() as undisturbed:
        work(stage_of(project))
    wanted = results(project, work)
    end = len(undisturbed) // 2
    with (
        pytest.raises(Interrupted, match=r"SIGTERM: stopped after .*, which is saved"),
        passes(until=end, signals=True) as before,
    ):
        work(stage_of(project))
    assert len(before) > end
    with passes() as resumed:
        work(stage_of(project))
    # What any run does first, such as a pass to learn the order of taps, is done by both.
    assert 0 <= len(before) + len(resumed) - len(undisturbed) <= 2
    assert results(project, work) == wanted


@pytest.mark.parametrize(
    ("work", "changes"),
    [
        (extract, {"pools": [2]}),
        (references, {"patch": 8}),
        (relevance, {"start": "position"}),
        (score, {"perplexity": 2.0}),
    ],
)
def test_parts_of_other_settings_are_never_used(
    project: Project, work: Work, changes: dict[str, object]
) -> None:
    name = work.__name__
    other = {name: {**CONTENT[name], **changes}}
    with passes() as undisturbed:
        work(stage_of(project, **other))
    wanted = results(project, work)
    with passes() as usual:
        work(stage_of(project))
    with pytest.raises(KilledError), passes(until=int(0.9 * len(usual))):
        work(stage_of(project))
    left = kept(project)
    assert left
    with passes() as again:
        work(stage_of(project, **other))
    assert again == undisturbed
    assert results(project, work) == wanted
    assert kept(project) == left
    work(stage_of(project))  # leaves the project as it was


@pytest.mark.parametrize("work", WORKS)
def test_a_truncated_part_is_made_anew(project: Project, work: Work) -> None:
    with passes() as undisturbed:
        work(stage_of(project))
    wanted = results(project, work)
    with pytest.raises(KilledError), passes(until=int(0.9 * len(undisturbed))):
        work(stage_of(project))
    for path in kept(project):
        path.write_bytes(path.read_bytes()[:-7])
    with passes() as again:
        work(stage_of(project))
    assert again == undisturbed
    assert results(project, work) == wanted


def test_parts_are_deleted_when_the_work_ended_well_only(tmp_path: Path) -> None:
    one = {"x": torch.ones(2)}
    with pytest.raises(KilledError), parts_until_done(tmp_path, "facts") as parts:
        parts.make("first", lambda: one)
        raise KilledError
    assert Parts(tmp_path, "others").load("first") is None
    with parts_until_done(tmp_path, "facts") as parts:
        assert torch.equal(parts.get("first", dict)["x"], one["x"])
    assert list(tmp_path.rglob("*.safetensors")) == []


def test_without_a_folder_nothing_is_kept() -> None:
    parts = Parts()
    parts.make("first", lambda: {"x": torch.ones(2)})
    assert parts.load("first") is None
