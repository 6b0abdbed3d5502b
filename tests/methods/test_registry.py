"""The registry of methods and the names that params may give are the same."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import vital.methods
from vital.methods.registry import METHODS
from vital.params import methods
from vital.params.peers import PEERS, PeersParams
from vital.params.studied_method import STUDIED
from vital.params.visualize import VisualizeParams

FOLDER = Path(vital.methods.__file__).parent


def test_names_and_their_order_are_those_of_params() -> None:
    assert tuple(METHODS) == methods.METHODS == (STUDIED, *PEERS)
    assert all(record.name == name for name, record in METHODS.items())


def test_parameter_blocks_are_those_that_params_check() -> None:
    assert METHODS[STUDIED].params is VisualizeParams
    for name in PEERS:
        assert METHODS[name].params is PeersParams.model_fields[name].annotation


def test_only_deepinversion_makes_no_inner_units() -> None:
    of_classes_only = [name for name, one in METHODS.items() if one.of_inner_units is None]
    assert of_classes_only == ["deepinversion"]


def test_no_module_of_methods_imports_the_registry() -> None:
    paths = list(FOLDER.glob("*.py"))
    assert len(paths) > len(METHODS)
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
                assert "vital.methods.registry" not in names, path


def test_params_are_checked_without_torch() -> None:
    code = "import sys, vital.params.check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
