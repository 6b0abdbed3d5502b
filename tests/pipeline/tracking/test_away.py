"""A store that failed a pipeline is not tried by its later stages, but by other pipelines."""

from __future__ import annotations

from pathlib import Path

import pytest

from vital.pipeline.tracking import away
from vital.pipeline.tracking.away import is_noted_away, note_away
from vital.runtime.files import read_json


def test_a_note_is_of_one_store_and_one_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_noted_away(tmp_path, "one")
    note_away(tmp_path, "one")
    note_away(tmp_path, "two")
    assert is_noted_away(tmp_path, "one")
    assert is_noted_away(tmp_path, "two")
    assert not is_noted_away(tmp_path, "three")
    monkeypatch.setattr(away, "pipeline_owner", lambda: "elsewhere:1:2.00")
    assert not is_noted_away(tmp_path, "one")


def test_pipelines_side_by_side_keep_their_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner in ("elsewhere:1:2.00", "elsewhere:3:4.00"):
        monkeypatch.setattr(away, "pipeline_owner", lambda owner=owner: owner)
        note_away(tmp_path, "one")
    assert set(read_json(tmp_path / "away.json")) == {"elsewhere:1:2.00", "elsewhere:3:4.00"}
    monkeypatch.setattr(away, "owner_lives", lambda owner: owner != "elsewhere:1:2.00")
    note_away(tmp_path, "one")
    assert set(read_json(tmp_path / "away.json")) == {"elsewhere:3:4.00"}


def test_a_folder_that_cannot_be_written_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    note_away(tmp_path / "file" / "state", "one")
    assert not is_noted_away(tmp_path / "file" / "state", "one")
