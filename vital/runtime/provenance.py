"""What code made a result."""

from __future__ import annotations

import hashlib
import sys
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


def library_digest() -> str:
    """The sha256 of all source files of this library."""
    total, root = hashlib.sha256(), Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix().encode()
        total.update(name + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def own_digest(name: str) -> str:
    """As :func:`source_digest`, of the calling module, which knows itself by its ``__name__``."""
    return source_digest(sys.modules[name])


def package_digest(package: ModuleType) -> str:
    """As :func:`source_digest`, of all files of a package that lie beside its first."""
    if package.__file__ is None:
        raise ValueError(f"{package.__name__} has no source file")
    total = hashlib.sha256()
    for path in sorted(Path(package.__file__).parent.glob("*.py")):
        total.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
