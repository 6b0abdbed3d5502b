"""Damaged results are made again, or named in one line by the stage that reads them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers.checkout import Checkout
from helpers.isolated_stages import Declared, declared_stages, run_stage
from helpers.messages import refusal

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
"""They run the pipeline many times."""

STAGES = {stage.name: stage for stage in declared_stages()}


@pytest.fixture
def harmed(complete: Checkout, tmp_path: Path) -> Checkout:
    """A copy to damage."""
    return complete.copy(tmp_path / "copy")


def truncate(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def flip(path: Path) -> None:
    """Turn one bit, drawn by the file's name."""
    content = bytearray(path.read_bytes())
    if content:
        place = random.Random(path.name).randrange(8 * len(content))
        content[place // 8] ^= 1 << place % 8
        path.write_bytes(bytes(content))


@pytest.mark.parametrize("harm", [truncate, flip])
def test_repro_restores_every_artefact(
    complete: Checkout, harmed: Checkout, harm: Callable[[Path], None]
) -> None:
    for name in complete.results():
        harm(harmed.root / "data" / name)
    assert harmed.results() != complete.results()
    harmed.run("dvc", "repro")
    assert harmed.results() == complete.results()


def _pieces(checkout: Checkout, stage: Declared) -> list[Path]:
    """Of each thing that a stage reads the first file of every kind."""
    found: dict[tuple[str, str], Path] = {}
    for dep in stage.deps:
        for name in checkout.files(dep):
            path = checkout.root / dep / name
            found.setdefault((dep, path.suffix), path)
    return list(found.values())


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_names_the_truncated_file_that_it_reads(
    complete: Checkout, harmed: Checkout, name: str
) -> None:
    stage = STAGES[name]
    for path in _pieces(harmed, stage):
        whole = path.read_bytes()
        truncate(path)
        done = run_stage(harmed.root, stage.command)
        path.write_bytes(whole)
        if done.returncode == 0:  # it has no use for this file; the page tells its digest
            name_told = path.relative_to(harmed.root).as_posix().encode()
            for out in stage.outs:
                assert _but_lines_with(name_told, harmed.files(out)) == _but_lines_with(
                    name_told, complete.files(out)
                ), path
        else:
            assert refusal(done, name.partition("@")[0]), path


def _but_lines_with(word: bytes, files: dict[str, bytes]) -> dict[str, list[bytes]]:
    return {
        name: [line for line in content.splitlines() if word not in line]
        for name, content in files.items()
    }
