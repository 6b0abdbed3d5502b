"""Of a source file only what can change results is in its digest; its imports are all found."""

from __future__ import annotations

from pathlib import Path

import pytest

from vital.errors import ModelError
from vital.runtime.source_files import SourceFile, read_source, remembering

CODE = '''"""What it is."""

# A comment.
import os
from . import near
from .near import thing
from ..far.place import other as another


def work(x: int) -> str:
    """Do it.

    At length.
    """
    import json

    text = """
    # no comment
    """
    return json.dumps([x, text, os.sep, near, thing, another])  # at the end
'''


def read(folder: Path, text: str, name: str = "module.py") -> SourceFile:
    path = folder / name
    path.unlink(missing_ok=True)
    path.write_text(text, encoding="utf-8")
    return read_source(path, "top.package")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""What it is."""', '"""What else it is."""'),
        ("# A comment.\n", "# Two\n# comments.\n\n"),
        ("    At length.\n", "    At greater length,\n    on two lines.\n"),
        ("\n\n\ndef", "\n\ndef"),
    ],
)
def test_words_about_the_code_change_nothing(tmp_path: Path, old: str, new: str) -> None:
    assert old in CODE
    assert read(tmp_path, CODE.replace(old, new)).sha256 == read(tmp_path, CODE).sha256


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    # no comment\n", "    # another text\n"),
        ("    # no comment\n", "    # no comment\n\n"),
        ("x, text", "text, x"),
        ("    return", "    if x:\n        return"),
        ("import os\n", "import os; '''now'''\n"),
    ],
)
def test_all_else_changes_the_digest(tmp_path: Path, old: str, new: str) -> None:
    assert old in CODE
    assert read(tmp_path, CODE.replace(old, new)).sha256 != read(tmp_path, CODE).sha256


def test_imports_are_found_wherever_they_stand(tmp_path: Path) -> None:
    found = read(tmp_path, CODE)
    at_load = {
        "os", "top.package", "top.package.near", "top.package.near.thing", "top.far.place",
        "top.far.place.other", "__future__", "__future__.annotations",
    }  # fmt: skip
    assert set(found.at_load) == at_load - {"__future__", "__future__.annotations"}
    assert set(found.imports) == {*found.at_load, "json"}


def test_what_is_for_type_checkers_is_no_import(tmp_path: Path) -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n"
    assert "torch" not in read(tmp_path, text).imports


def test_what_is_no_python_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"module\.py is not valid Python"):
        read(tmp_path, "def :\n")
    with pytest.raises(ModelError, match=r"module\.py is not valid Python"):
        read(tmp_path, "x = '\0'\n")


def test_what_was_read_is_kept_and_trusted_only_while_the_file_is_the_same(tmp_path: Path) -> None:
    memo = tmp_path / "memo.json"
    with remembering(memo):
        first = read(tmp_path, CODE)
    kept = memo.read_bytes()
    with remembering(memo):
        assert read_source(tmp_path / "module.py", "top.package") == first
    assert memo.read_bytes() == kept
    memo.write_bytes(kept[: len(kept) // 2])
    with remembering(memo):
        assert read(tmp_path, CODE + "y = 1\n").sha256 != first.sha256
