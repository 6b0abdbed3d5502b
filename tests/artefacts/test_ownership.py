"""Names of files under data/ and of columns are spelled where their owner is, and nowhere else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

import pytest

import vital.artefacts
from helpers.repository import ROOT
from vital.artefacts import model, project, report, scores, statistics
from vital.artefacts.table import Table

OWNERS = ROOT / "vital" / "artefacts"

NO_TABLE_OF_OURS = {
    "vital/pipeline/tracking/completion.py": "keys of DVC's files",
    "vital/report/paper/published.py": "columns of what the paper printed",
    "vital/engine/target_store.py": "keys of the work store's entries",
}
"""Where a word that is also a column's name is looked up in something else."""


def tables() -> list[Table]:
    names = [one.name for one in iter_modules(vital.artefacts.__path__)]
    modules = [import_module(f"vital.artefacts.{name}") for name in names]
    found = [value for one in modules for value in vars(one).values() if isinstance(value, Table)]
    return list({table.file: table for table in found}.values())


FILES = {
    *(table.file for table in tables()),
    model.DESCRIPTION_FILE,
    model.WEIGHTS_FILE,
    project.METRICS_FILE,
    report.PAGE,
    scores.EMBEDDING_FILE,
    scores.HISTORY_FILE,
    scores.REASONS_FILE,
}
COLUMNS = {
    *(column for table in tables() for column in table.columns),
    *scores.EMBEDDING_COLUMNS,
    *(statistics.N_IMAGES, statistics.IMPORTANCE, statistics.QUANTILES),
}


def spelled(source: str) -> Iterator[tuple[int, str]]:
    """Lines and names of files that a module spells, and of columns that it looks up."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and node.value in FILES:
            yield node.lineno, node.value
        if isinstance(node, ast.Subscript):
            for part in ast.walk(node.slice):
                if isinstance(part, ast.Constant) and part.value in COLUMNS:
                    yield part.lineno, part.value


def test_there_is_a_table_for_each_file_of_rows() -> None:
    assert len(tables()) == 13
    assert {"manifest.parquet", "index.parquet", "intervals.parquet"} <= FILES


def others() -> list[str]:
    """All modules but the owners, those of params.yaml's own keys, and those named above."""
    paths = [path.relative_to(ROOT).as_posix() for path in (ROOT / "vital").rglob("*.py")]
    aside = ("vital/artefacts/", "vital/params/", *NO_TABLE_OF_OURS)
    return sorted(path for path in paths if not path.startswith(aside))


@pytest.mark.parametrize("path", others())
def test_a_name_has_one_owner(path: str) -> None:
    assert list(spelled((ROOT / path).read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", NO_TABLE_OF_OURS)
def test_an_exception_is_one(path: str) -> None:
    assert list(spelled((ROOT / path).read_text(encoding="utf-8")))


def test_spelling_a_name_is_noticed() -> None:
    source = 'a = table["sha256"]\nb = table[["unit", "x"]]\nc = folder / "metrics.json"\n'
    names = [name for _, name in sorted(spelled(source))]
    assert names == ["sha256", "unit", "x", "metrics.json"]
    assert list(spelled('a = table[SHA256]\nb = {"unit": 1}\n')) == []
