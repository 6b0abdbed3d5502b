"""Which code a result depends on: the modules that made it, and all that these import.

Imports are followed through the source, those within functions included, so that nothing need run
to know them. A module that is chosen by name at run time (a method) is a root of its own.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from vital.runtime.files import digest, digest_file
from vital.runtime.packages import package_versions
from vital.runtime.source_files import SourceFile, read_source

NEUTRAL: Mapping[str, str] = {
    "stages.runner": "what surrounds the work of every stage: the clock, the lock, the exit status",
    "vital.errors": "the words of errors",
    "vital.runtime.progress": "progress bars",
    "vital.pipeline.tracking": "logs to MLflow what files say",
}
"""Modules and packages whose code changes no byte of any result, and why.

They load neither torch nor NumPy. What they import as they are loaded counts; what they import
within functions does not.
"""

CHOOSERS = frozenset({"vital.images.sources"})
"""Modules whose imports within functions are choices of the parameters.

What was chosen depends on them, and not the other way about: it has to be given as a root.
"""

_OURS = ("stages", "vital")
_HERE = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Closure:
    """The files that modules depend on and their sha256, and the packages that these import.

    Files are named by their place in their package: ``vital/units.py``.
    """

    files: Mapping[str, str]
    packages: frozenset[str]

    def digest(self) -> str:
        """The sha256 of the files and of the packages' versions."""
        return digest([dict(self.files), package_versions(self.packages)])


def code_digest(*modules: str) -> str:
    """The sha256 of all the code that modules of this library depend on, by their dotted names."""
    return closure_of(*modules).digest()


def is_neutral(module: str) -> bool:
    """Whether a module, or a package that it is in, is one of NEUTRAL."""
    parts = module.split(".")
    return any(".".join(parts[:count]) in NEUTRAL for count in range(1, len(parts) + 1))


def closure_of(*modules: str, folder: Path | None = None) -> Closure:
    """The closure of modules by their dotted names.

    Modules of the user's own are looked for in ``folder`` first. What is installed counts by its
    version. Raises ModelError when a file is not valid Python.
    """
    places = (*([str(folder.resolve())] if folder else []), *sys.path)
    return _closure(modules, places)


def _closure(modules: tuple[str, ...], places: tuple[str, ...]) -> Closure:
    files: dict[str, str] = {}
    packages: set[str] = set()
    folders: dict[str, Path] = {}
    waiting, seen = list(modules), set(modules)
    while waiting:
        name = waiting.pop()
        path = _find(name, places)
        if path is None:
            packages.add(name.partition(".")[0])
            continue
        source = _read(name, path)
        if not is_neutral(name):
            files[_label(name, path)] = source.sha256
        if path.name == "__init__.py" and name.partition(".")[0] in _OURS:
            folders[name] = path.parent
        only_at_load = is_neutral(name) or name in CHOOSERS
        wanted = source.at_load if only_at_load else source.imports
        found = {
            part
            for imported in wanted
            for part in _modules_of(imported, places)
            if part not in seen
        }
        waiting += found
        seen |= found
    for name, folder in folders.items():
        files.update(_data_files(name, folder))
    return Closure(dict(sorted(files.items())), frozenset(packages))


def _read(name: str, path: Path) -> SourceFile:
    return read_source(path, name if path.name == "__init__.py" else name.rpartition(".")[0])


def _modules_of(name: str, places: tuple[str, ...]) -> Iterator[str]:
    """The modules that importing ``name`` loads: its packages and, if it is one, itself."""
    top = name.partition(".")[0]
    if top in sys.stdlib_module_names or not top:
        return
    if _find(top, places) is None:
        yield top
        return
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        module = ".".join(parts[:count])
        if _find(module, places) is not None:
            yield module


@cache
def _find(name: str, places: tuple[str, ...]) -> Path | None:
    """The source file of a module that is ours or the user's own; None for all else."""
    parent, _, last = name.rpartition(".")
    if name in _OURS:
        path = _HERE / name / "__init__.py"
        return path if path.is_file() else None
    if parent:
        package = _find(parent, places)
        if package is None or package.name != "__init__.py":
            return None
        spec = PathFinder.find_spec(last, [str(package.parent)])
    else:
        spec = PathFinder.find_spec(name, list(places))
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return None
    path = Path(spec.origin)
    return None if not parent and _is_installed(path) else path


def _is_installed(path: Path) -> bool:
    """Whether a module is Python's or a package's, which its version tells, not the user's own."""
    names = ("stdlib", "platstdlib", "purelib", "platlib")
    return any(path.is_relative_to(sysconfig.get_path(name)) for name in names)


def _label(name: str, path: Path) -> str:
    place = name.replace(".", "/")
    return f"{place}/__init__.py" if path.name == "__init__.py" else f"{place}.py"


def _data_files(package: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Templates, style sheets and tables that lie in a package, and what they hold."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name != "__pycache__" and not (path / "__init__.py").exists():
            yield from _data_files(f"{package}.{path.name}", path)
        elif path.is_file() and path.suffix != ".py":
            yield f"{package.replace('.', '/')}/{path.name}", digest_file(path)
