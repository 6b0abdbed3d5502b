"""The order of the packages, and the sizes and places that make everything easy to find."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import pytest

from helpers.repository import ROOT
from helpers.source_tree import (
    SourceTree,
    circle,
    entries_of,
    imports_among_tests,
    imports_of,
    stray_imports,
    too_long,
    unreachable,
    upward_imports,
    without_module,
)
from vital.methods.registry import MODULES

LAYERS = (
    "stages",
    "vital.cli",
    "vital",
    "vital.api",
    "vital.pipeline",
    "vital.report",
    "vital.scoring",
    "vital.engine",
    "vital.methods",
    "vital.references",
    "vital.relevance",
    "vital.networks",
    "vital.images",
    "vital.artefacts",
    "vital.runtime",
    "vital.params",
    "vital.units",
    "vital.errors",
)
"""From top to bottom: each imports only itself and what is below it.

``vital`` is what ``import vital`` runs, not what lies in the folder.
"""

MOST_ENTRIES = 17
MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 50

TRACKERS = ("mlflow", "dvc")
"""Imported where a run is recorded, and nowhere else: the library works without them."""

ENTRY_POINTS = {
    "vital": "the library",
    "vital.cli": "the command `vital`",
    "vital.cli.__main__": "the same as `python -m vital.cli`",
    "vital.networks.cifar_resnet20": "a profile names it as the factory of its network",
}

TESTS_OF_NO_MODULE = {
    "tests/test_architecture.py": "of all modules",
    "tests/test_docs.py": "of the documentation",
    "tests/artefacts/test_ownership.py": "of all modules",
    "tests/engine/test_joining_a_cluster.py": "of engines on a cluster that others have started",
    "tests/methods/test_peers.py": "of what all methods but the studied one have in common",
    "tests/networks/test_listed_networks.py": "of the whole way through each published network",
    "tests/pipeline/tracking/test_tracking.py": "of the package's public functions",
    "tests/relevance/test_conservation.py": "of a law that all rules obey together",
}
"""Files that test what no single module does."""


@cache
def library() -> SourceTree:
    return SourceTree(ROOT, "vital", "stages")


def assert_none(problems: list[str]) -> None:
    assert not problems, "\n" + "\n".join(problems)


def test_every_package_imports_only_those_below_it() -> None:
    assert_none(upward_imports(library(), LAYERS, root="vital"))


def test_trackers_are_imported_in_the_pipeline_only() -> None:
    assert_none(stray_imports(library(), TRACKERS, homes=["vital.pipeline"]))


def test_modules_do_not_import_in_circles() -> None:
    assert_none(circle(library()))


def test_the_library_is_seen_at_a_glance() -> None:
    entries = entries_of(ROOT / "vital")
    assert len(entries) <= MOST_ENTRIES, entries


def test_the_wheel_says_that_the_library_is_typed() -> None:
    assert (ROOT / "vital" / "py.typed").is_file()
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "vital" in content["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def test_the_runtime_imports_nothing_by_itself() -> None:
    """One of its modules chooses how NumPy sorts: before anything has loaded NumPy."""
    assert_none(imports_of(library(), "vital.runtime"))


@pytest.mark.parametrize("folder", ["vital", "stages", "tests"])
def test_nothing_is_too_long(folder: str) -> None:
    assert_none(too_long(SourceTree(ROOT, folder), MOST_LINES, MOST_LINES_OF_A_FUNCTION))


def test_every_module_is_used() -> None:
    tree = library()
    scripts = (name for name in tree.paths if name.startswith("stages"))
    entries = [*ENTRY_POINTS, *MODULES.values(), *scripts]
    assert_none(unreachable(tree, "vital", entries))


def test_tests_lie_where_their_modules_lie() -> None:
    assert_none(without_module(ROOT, "vital", TESTS_OF_NO_MODULE))


def test_tests_import_helpers_and_not_each_other() -> None:
    assert_none(imports_among_tests(ROOT))


# What the checks above say about sources that break them.


def made_up(root: Path, files: dict[str, str]) -> SourceTree:
    """A library of made-up sources, and stages that use it."""
    for place, text in files.items():
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return SourceTree(root, "vital", "stages")


WITHIN_A_FUNCTION = "def late():\n    from vital import report\n"
FOR_ANNOTATIONS = """\
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vital.report.page import Page
"""


@pytest.mark.parametrize(
    ("text", "line", "target"),
    [
        ("import vital.report.page\n", 1, "vital.report.page"),
        ("from vital.report.page import Page\n", 1, "vital.report.page"),
        ("import os\nfrom vital.report import page\n", 2, "vital.report.page"),
        (WITHIN_A_FUNCTION, 2, "vital.report"),
        (FOR_ANNOTATIONS, 4, "vital.report.page"),
        ("from ..report.page import Page\n", 1, "vital.report.page"),
        ("from stages.score import score\n", 1, "stages.score"),
        ("import vital\n", 1, "vital"),
    ],
)
def test_an_import_of_what_lies_above_is_found(
    tmp_path: Path, text: str, line: int, target: str
) -> None:
    files = {
        "vital/__init__.py": "from vital.images.files import File\n",
        "vital/report/__init__.py": "",
        "vital/report/page.py": "from vital.images.files import File\nimport numpy\n",
        "vital/images/files.py": text,
        "stages/score.py": "from vital.report import page\nimport vital\n",
    }
    found = upward_imports(made_up(tmp_path, files), LAYERS, root="vital")
    assert found == [
        f"vital/images/files.py:{line}: vital.images.files imports {target} from above"
    ]


def test_a_package_without_a_layer_is_found(tmp_path: Path) -> None:
    files = {"vital/sounds/hum.py": "", "vital/api.py": "\nimport vital.sounds.hum\n"}
    found = upward_imports(made_up(tmp_path, files), LAYERS, root="vital")
    assert found == ["vital/api.py:2: vital.sounds.hum is in no layer"]


def test_a_tracker_outside_of_the_pipeline_is_found(tmp_path: Path) -> None:
    files = {
        "vital/pipeline/run.py": "import mlflow.entities\n",
        "vital/engine/local.py": "def f():\n    from dvc.repo import Repo\n",
        "stages/score.py": "import mlflow\nimport dvclive\n",
    }
    assert stray_imports(made_up(tmp_path, files), TRACKERS, homes=["vital.pipeline"]) == [
        "vital/engine/local.py:2: vital.engine.local imports dvc.repo",
        "stages/score.py:1: stages.score imports mlflow",
    ]


def test_a_circle_is_found_and_followed(tmp_path: Path) -> None:
    files = {
        "vital/images/a.py": "from vital.images.b import B\n",
        "vital/images/b.py": "\nfrom vital.images import c, d\n",
        "vital/images/c.py": "def f():\n    import vital.images.a\n",
        "vital/images/d.py": "",
    }
    assert sorted(circle(made_up(tmp_path, files))) == [
        "vital/images/a.py:1: vital.images.a imports vital.images.b",
        "vital/images/b.py:2: vital.images.b imports vital.images.c",
        "vital/images/c.py:2: vital.images.c imports vital.images.a",
    ]
    files["vital/images/c.py"] = ""
    assert circle(made_up(tmp_path, files)) == []


def test_what_tools_put_there_does_not_count(tmp_path: Path) -> None:
    for name in ("py.typed", "__pycache__/a.pyc", "b.py", "images/c.py"):
        made_up(tmp_path, {f"vital/{name}": ""})
    assert entries_of(tmp_path / "vital") == ["b.py", "images"]


def test_an_import_of_an_empty_package_is_found(tmp_path: Path) -> None:
    tree = made_up(tmp_path, {"vital/runtime/__init__.py": '"""Doc."""\nimport os\n'})
    assert imports_of(tree, "vital.runtime") == ["vital/runtime/__init__.py:2: imports os"]


def test_what_is_too_long_is_found(tmp_path: Path) -> None:
    files = {
        "vital/a.py": "x = 1\n\n\ndef f():\n    a = 1\n    b = 2\n",
        "vital/b.py": "class B:\n    async def g(self):\n        pass\n",
    }
    tree = made_up(tmp_path, files)
    assert too_long(tree, 6, 3) == []
    assert too_long(tree, 5, 2) == [
        "vital/a.py:1: 6 lines, at most 5",
        "vital/a.py:4: f has 3 lines, at most 2",
    ]


def test_a_module_that_nothing_uses_is_found(tmp_path: Path) -> None:
    files = {
        "vital/__init__.py": "",
        "vital/report/__init__.py": "",
        "vital/report/used.py": "from vital.report import also\n",
        "vital/report/also.py": "",
        "vital/report/dead.py": "import vital.report.island\n",
        "vital/report/island.py": "import vital.report.dead\n",
        "stages/report.py": "from vital.report.used import f\n",
    }
    assert unreachable(made_up(tmp_path, files), "vital", ["stages.report"]) == [
        "vital/report/dead.py:1: nothing imports vital.report.dead",
        "vital/report/island.py:1: nothing imports vital.report.island",
    ]


def test_a_test_of_no_module_is_found(tmp_path: Path) -> None:
    files = {
        "vital/images/files.py": "",
        "vital/images/sources/__init__.py": "",
        "vital/images/sources/tables.py": "",
        "tests/images/test_files.py": "",
        "tests/images/test_sources.py": "",
        "tests/images/test_tables.py": "",
        "tests/images/sources/test_tables.py": "",
        "tests/images/test_exception.py": "",
        "tests/dag/test_anything.py": "",
        "tests/test_docs.py": "",
    }
    made_up(tmp_path, files)
    exceptions = {"tests/images/test_exception.py": "a reason", "tests/images/test_gone.py": "one"}
    assert without_module(tmp_path, "vital", exceptions) == [
        "tests/images/test_tables.py:1: tests no module: there is no vital/images/tables.py",
        "tests/test_docs.py:1: tests no module: there is no vital/docs.py",
        "tests/images/test_gone.py:1: is an exception, and is not there",
    ]
    assert without_module(tmp_path, "vital", {"tests/images/test_files.py": "none"})[0] == (
        "tests/images/test_exception.py:1: tests no module: there is no vital/images/exception.py"
    )


def test_a_test_that_imports_another_is_found(tmp_path: Path) -> None:
    files = {
        "tests/images/test_files.py": "import pytest\nfrom helpers.own_images import noise\n",
        "tests/images/test_tables.py": "from images.test_files import gradient\n",
        "tests/test_docs.py": "\nfrom conftest import fixture\n",
    }
    made_up(tmp_path, files)
    assert imports_among_tests(tmp_path) == [
        "tests/images/test_tables.py:1: tests.images.test_tables imports images.test_files",
        "tests/test_docs.py:2: tests.test_docs imports conftest",
    ]
