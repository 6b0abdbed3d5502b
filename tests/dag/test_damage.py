"""Damaged results are made again, or named in one line by the stage that reads them."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from benchmarks.checkout import copy_sources
from helpers.checkout import Checkout
from helpers.isolated_stages import PARAMS, Declared, declared_stages, run_stage, save_checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
"""They run the pipeline many times."""

STAGES = {stage.name: stage for stage in declared_stages()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout whose pipeline has run."""
    root = tmp_path_factory.mktemp("damage") / "finished"
    root.mkdir()
    copy_sources(root)
    save_checkpoint(root)
    with (root / "params.yaml").open("w", encoding="utf-8") as handle:
        YAML(typ="safe").dump(dict(PARAMS), handle)
    checkout = Checkout(root)
    checkout.run("git", "init", "-q")
    checkout.run("dvc", "repro")
    return checkout


@pytest.fixture
def fresh(finished: Checkout, tmp_path: Path) -> Checkout:
    """A copy to damage."""
    shutil.copytree(finished.root, tmp_path / "copy", symlinks=True)
    return Checkout(tmp_path / "copy")


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


def _artefacts(checkout: Checkout) -> list[Path]:
    data = checkout.root / "data"
    names = (path.relative_to(data) for path in data.rglob("*") if path.is_file())
    return [data / name for name in names if name.parts[0] not in ("timings", ".gitignore")]


def _results(checkout: Checkout) -> dict[str, bytes]:
    files = checkout.hashes("data").items()
    return {name: content for name, content in files if not name.startswith("timings/")}


@pytest.mark.parametrize("harm", [truncate, flip])
def test_repro_restores_every_artefact(
    finished: Checkout, fresh: Checkout, harm: Callable[[Path], None]
) -> None:
    for path in _artefacts(fresh):
        harm(path)
    fresh.run("dvc", "repro")
    assert _results(fresh) == _results(finished)


def _pieces(checkout: Checkout, stage: Declared) -> list[Path]:
    """Of each thing that a stage reads the first file of every kind."""
    found: dict[tuple[str, str], Path] = {}
    for dep in stage.deps:
        place = checkout.root / dep
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file():
                found.setdefault((dep, path.suffix), path)
    return list(found.values())


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_names_the_truncated_file_that_it_reads(
    finished: Checkout, fresh: Checkout, name: str
) -> None:
    stage = STAGES[name]
    for path in _pieces(fresh, stage):
        whole = path.read_bytes()
        truncate(path)
        done = run_stage(fresh.root, stage.command)
        path.write_bytes(whole)
        if done.returncode == 0:  # it has no use for this file
            outs = [fresh.root / out for out in stage.outs]
            assert all(_same(out, finished.root / out.relative_to(fresh.root)) for out in outs), (
                path
            )
        else:
            assert done.returncode == 1, path
            assert "Traceback" not in done.stderr, (path, done.stderr)
            assert done.stderr.strip().splitlines()[-1].startswith(f"{name.partition('@')[0]}: ")


def _same(one: Path, other: Path) -> bool:
    files = [path for path in other.rglob("*") if path.is_file()] if other.is_dir() else [other]
    named = [(path, one / path.relative_to(other) if other.is_dir() else one) for path in files]
    return all(mine.read_bytes() == path.read_bytes() for path, mine in named)
