"""Work that is ended midway goes on from its finished parts, and ends in the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from helpers.stopped_stages import (
    CONTENT,
    KilledError,
    Work,
    kept,
    passes,
    project,
    results,
    stage_of,
)
from stages.extract import extract
from stages.references import references
from stages.relevance import relevance
from stages.score import score
from vital.artefacts.project import Project
from vital.errors import Interrupted
from vital.references import patches
from vital.runtime.partial_results import PartialResults, partial_results_until_done
from vital.scoring import observer

__all__ = ["project"]

WORKS = [extract, references, relevance, score]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """PartialResults are of so few images that a small test sees it."""
    monkeypatch.setattr(patches, "_BATCHES", 2)
    monkeypatch.setattr(patches, "_IMAGES", 2)
    monkeypatch.setattr(observer, "_BATCHES", 2)


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
    with (
        pytest.raises(KilledError),
        partial_results_until_done(tmp_path, "facts", "vital.units") as parts,
    ):
        parts.make("first", lambda: one)
        raise KilledError
    assert PartialResults(tmp_path, "others", "vital.units").load("first") is None
    with partial_results_until_done(tmp_path, "facts", "vital.units") as parts:
        assert torch.equal(parts.get("first", dict)["x"], one["x"])
    assert list(tmp_path.rglob("*.safetensors")) == []


def test_without_a_folder_nothing_is_kept() -> None:
    parts = PartialResults()
    parts.make("first", lambda: {"x": torch.ones(2)})
    assert parts.load("first") is None
