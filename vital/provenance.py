"""What code made a result."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType


def source_digest(*modules: ModuleType) -> str:
    """The sha256 of the modules' source files, so that changed code never reuses old results."""
    total = hashlib.sha256()
    for module in modules:
        if module.__file__ is None:
            raise ValueError(f"{module.__name__} has no source file")
        total.update(hashlib.sha256(Path(module.__file__).read_bytes()).digest())
    return total.hexdigest()
