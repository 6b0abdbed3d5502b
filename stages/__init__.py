"""One short script per stage of the pipeline: read parameters, call vital, write, track."""

from __future__ import annotations

import importlib.util
import os
import sys
from importlib import import_module
from pathlib import Path

_MARK = "VITAL_INTERPRETER_TRIED"


def _ensure_interpreter() -> None:
    """Continue in the project's environment when this interpreter lacks what vital needs.

    DVC starts stages with the ``python3`` on the PATH, which without activation is the system's.
    """
    if all(importlib.util.find_spec(name) for name in ("torch", "pydantic", "pyarrow")):
        return
    for folder in (Path.cwd(), *Path.cwd().parents):
        candidate = folder / ".venv" / "bin" / "python"
        if candidate.is_file() and not os.environ.get(_MARK):
            os.environ[_MARK] = "1"
            os.execv(candidate, [str(candidate), *sys.orig_argv[1:]])
    sys.exit(
        f"{sys.executable} lacks the packages that vital needs; "
        "run `make setup`, then `. .venv/bin/activate`, and try again"
    )


_ensure_interpreter()
import_module("vital")  # ahead of all that a stage imports: it chooses how NumPy sorts
