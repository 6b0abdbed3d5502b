"""Which modules determine a stage's bytes: its imports, followed through the source."""

from __future__ import annotations

import ast

from helpers.repository import ROOT

CANNOT_CHANGE_BYTES = frozenset(
    {
        "stages/__init__.py",
        "stages/runner.py",
        "vital/__init__.py",
        "vital/errors.py",
        "vital/runtime/signals.py",
        "vital/params/__init__.py",
        "vital/params/check.py",
        "vital/runtime/progress.py",
        "vital/artefacts/project.py",
        "vital/pipeline/tracking/__init__.py",
    }
)
"""Wiring, messages, progress, signals, folder names, tracking: a change here changes no output."""


def modules_of(stage: str) -> set[str]:
    """The source files that the stage's script uses, imports within functions included."""
    found: set[str] = set()
    waiting = [f"stages/{stage}.py"]
    while waiting:
        path = waiting.pop()
        if path in found or path in CANNOT_CHANGE_BYTES:
            continue
        found.add(path)
        waiting.extend(_imports(path))
    return found


def _imports(path: str) -> list[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [file for name in names for file in _files(name)]


def _files(module: str) -> list[str]:
    if module.partition(".")[0] not in ("vital", "stages"):
        return []
    parts = module.replace(".", "/")
    candidates = [f"{parts}.py", f"{parts}/__init__.py"]
    return [candidate for candidate in candidates if (ROOT / candidate).is_file()]
