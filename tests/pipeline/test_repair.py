"""What a killed DVC leaves is mended before the next run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from helpers.repository import ROOT
from vital.pipeline import repair as repairing
from vital.pipeline.repair import repair

WHOLE = (ROOT / "dvc.lock").read_bytes()
IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repairing, "_SETTLING_SECONDS", 0.0)


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """A repository that has a whole dvc.lock."""
    _git(tmp_path, "init", "-q")
    _write(tmp_path / "dvc.lock", WHOLE)
    _git(tmp_path, "add", "-A")
    _git(tmp_path, *IDENTITY, "commit", "-q", "-m", "results")
    return tmp_path


def _git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_whole_files_are_left_alone(committed: Path) -> None:
    info = {"pid": 1, "cmd": "dvc repro"}
    content = json.dumps({"write": {"/data": info}, "read": {"/other": [info]}}).encode()
    held = _write(committed / ".dvc/tmp/rwlock", content)
    assert repair(committed) == []
    assert held.read_bytes() == content


def test_nothing_is_missed_where_dvc_never_ran(tmp_path: Path) -> None:
    assert repair(tmp_path) == []


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.5, 0.77, 0.9999])
def test_a_truncated_dvc_lock_comes_back_from_git(committed: Path, share: float) -> None:
    path = _write(committed / "dvc.lock", WHOLE[: int(share * len(WHOLE))].rstrip(b"\n"))
    (sentence,) = repair(committed)
    assert "dvc.lock is damaged" in sentence
    assert "restored from the last commit" in sentence
    assert path.read_bytes() == WHOLE


@pytest.mark.parametrize(
    "content", [b"stages: [\n", b"schema: '2.0'\nstages:\n  model:\n    cmd:\n", b"\xff\n", b"7\n"]
)
def test_what_dvc_would_refuse_comes_back_from_git(committed: Path, content: bytes) -> None:
    path = _write(committed / "dvc.lock", content)
    assert len(repair(committed)) == 1
    assert path.read_bytes() == WHOLE


def test_lines_missing_at_the_end_are_no_damage(committed: Path) -> None:
    """DVC runs the stages anew that it finds no entry of."""
    shorter = WHOLE[: WHOLE.index(b"  model:\n")]
    path = _write(committed / "dvc.lock", shorter)
    assert repair(committed) == []
    assert path.read_bytes() == shorter


def test_what_git_does_not_have_is_moved_aside(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    _write(tmp_path / "dvc.lock", WHOLE[:100])
    (sentence,) = repair(tmp_path)
    assert "moved to dvc.lock.damaged" in sentence
    assert not (tmp_path / "dvc.lock").exists()
    assert (tmp_path / "dvc.lock.damaged").read_bytes() == WHOLE[:100]


@pytest.mark.parametrize("content", [b"", b'{"write": {"/a": {"pid"', b'{"write": 3}', b"[]"])
def test_a_truncated_access_file_is_moved_aside(committed: Path, content: bytes) -> None:
    path = _write(committed / ".dvc/tmp/rwlock", content)
    (sentence,) = repair(committed)
    assert "moved to rwlock.damaged" in sentence
    assert not path.exists()


def test_a_file_that_is_just_being_written_is_waited_for(
    committed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _write(committed / "dvc.lock", WHOLE[:1000])
    later = b"# written meanwhile\n" + WHOLE
    monkeypatch.setattr(repairing.time, "sleep", lambda _: path.write_bytes(later))
    assert repair(committed) == []
    assert path.read_bytes() == later
