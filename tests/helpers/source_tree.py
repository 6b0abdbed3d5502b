"""A tree of Python sources: which module imports which, how long things are, what is not used."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import Path


@dataclass(frozen=True)
class Import:
    """One module that a statement imports; ``place`` is the statement's file and line."""

    place: str
    importer: str
    target: str


class SourceTree:
    """The modules below folders of a root, by their names; a package has its folder's name."""

    def __init__(self, root: Path, *folders: str) -> None:
        self._root = root
        self.paths = {
            module_name(path.relative_to(root)): path
            for folder in folders
            for path in sorted((root / folder).rglob("*.py"))
        }
        self._parsed = {
            name: ast.parse(path.read_text(encoding="utf-8")) for name, path in self.paths.items()
        }
        self.imports = [found for name in self.paths for found in self._imports(name)]

    def place(self, module: str, line: int = 1) -> str:
        """A line of a module as ``file:line``."""
        return f"{self.paths[module].relative_to(self._root)}:{line}"

    def is_package(self, module: str) -> bool:
        """Whether a module is a folder's ``__init__.py``."""
        return self.paths[module].name == "__init__.py"

    def functions(self, module: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """All functions and methods of a module, those within others included."""
        for node in ast.walk(self._parsed[module]):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node

    def _imports(self, module: str) -> Iterator[Import]:
        """What a module imports, also within functions and for annotations only."""
        for node in ast.walk(self._parsed[module]):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                source = self._source(module, node)
                names = [f"{source}.{alias.name}" for alias in node.names]
                targets = [name if name in self.paths else source for name in names]
            else:
                continue
            for target in dict.fromkeys(targets):
                yield Import(self.place(module, node.lineno), module, target)

    def _source(self, module: str, node: ast.ImportFrom) -> str:
        """The absolute name of what ``from ... import`` names."""
        if node.level == 0:
            return node.module or ""
        parts = module.split(".")
        kept = len(parts) - node.level + self.is_package(module)
        return ".".join([*parts[:kept], *([node.module] if node.module else [])])


def module_name(path: Path) -> str:
    """The name by which a file, relative to the root, is imported."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_within(module: str, package: str) -> bool:
    """Whether a module is a package or lies in it."""
    return module == package or module.startswith(f"{package}.")


def upward_imports(tree: SourceTree, layers: Sequence[str], root: str) -> list[str]:
    """Imports of what lies above the importer, or in no layer.

    ``layers`` are packages from top to bottom; of them ``root`` is its ``__init__.py`` alone.
    """
    tops = {layer.partition(".")[0] for layer in layers}

    def rank(module: str) -> int | None:
        for number, layer in enumerate(layers):
            if module == layer or (layer != root and is_within(module, layer)):
                return number
        return None

    problems = []
    for found in tree.imports:
        if found.target.partition(".")[0] not in tops:
            continue
        upper, lower = rank(found.importer), rank(found.target)
        if upper is None or lower is None:
            nowhere = found.importer if upper is None else found.target
            problems.append(f"{found.place}: {nowhere} is in no layer")
        elif lower < upper:
            problems.append(f"{found.place}: {found.importer} imports {found.target} from above")
    return problems


def imports_among_tests(root: Path) -> list[str]:
    """Imports of a test file, or of a conftest, by another: what they share is a helper's."""
    return [
        f"{found.place}: {found.importer} imports {found.target}"
        for found in SourceTree(root, "tests").imports
        if any(part == "conftest" or part.startswith("test_") for part in found.target.split("."))
    ]


def entries_of(folder: Path) -> list[str]:
    """What is seen of a package: its files and folders, but for what tools put there."""
    unseen = ("__pycache__", "py.typed")
    return sorted(path.name for path in folder.iterdir() if path.name not in unseen)


def imports_of(tree: SourceTree, module: str) -> list[str]:
    """Every import of one module."""
    return [f"{one.place}: imports {one.target}" for one in tree.imports if one.importer == module]


def stray_imports(tree: SourceTree, packages: Collection[str], homes: Collection[str]) -> list[str]:
    """Imports of packages by modules outside of the homes that may import them."""
    return [
        f"{found.place}: {found.importer} imports {found.target}"
        for found in tree.imports
        if any(is_within(found.target, package) for package in packages)
        and not any(is_within(found.importer, home) for home in homes)
    ]


def circle(tree: SourceTree) -> list[str]:
    """The imports of one circle of modules, in their order; empty if there is none."""
    places = {(found.importer, found.target): found.place for found in tree.imports}
    graph: dict[str, set[str]] = {name: set() for name in tree.paths}
    for importer, target in places:
        if target in graph and target != importer:
            graph[importer].add(target)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        steps = pairwise(reversed(error.args[1]))
        return [f"{places[step]}: {step[0]} imports {step[1]}" for step in steps]
    return []


def too_long(tree: SourceTree, most_lines: int, most_in_function: int) -> list[str]:
    """Files and functions of more lines than there may be."""
    problems = []
    for module, path in tree.paths.items():
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > most_lines:
            problems.append(f"{tree.place(module)}: {lines} lines, at most {most_lines}")
        for function in tree.functions(module):
            lines = (function.end_lineno or 0) - function.lineno + 1
            if lines > most_in_function:
                place = tree.place(module, function.lineno)
                problems.append(
                    f"{place}: {function.name} has {lines} lines, at most {most_in_function}"
                )
    return problems


def unreachable(tree: SourceTree, within: str, entries: Iterable[str]) -> list[str]:
    """Modules of a package that no entry imports, directly or through others."""
    targets: dict[str, list[str]] = {}
    for found in tree.imports:
        targets.setdefault(found.importer, []).append(found.target)
    reached: set[str] = set()
    waiting = list(entries)
    while waiting:
        module = waiting.pop()
        if module in tree.paths and module not in reached:
            reached.add(module)
            waiting += [module.rpartition(".")[0], *targets.get(module, [])]
    dead = [name for name in tree.paths if is_within(name, within) and name not in reached]
    return [f"{tree.place(name)}: nothing imports {name}" for name in dead]


def without_module(root: Path, package: str, exceptions: Mapping[str, str]) -> list[str]:
    """Test files that are not named after the module of a package where they lie."""
    problems = []
    for path in sorted((root / "tests").rglob("test_*.py")):
        place = path.relative_to(root).as_posix()
        below = path.relative_to(root / "tests").parent
        if below.parts and not (root / package / below.parts[0]).is_dir():
            continue
        tested = root / package / below / path.stem.removeprefix("test_")
        exists = tested.with_suffix(".py").is_file() or (tested / "__init__.py").is_file()
        if exists == (place in exceptions):
            wanted = tested.with_suffix(".py").relative_to(root).as_posix()
            problem = "is no exception: there is" if exists else "tests no module: there is no"
            problems.append(f"{place}:1: {problem} {wanted}")
    gone = [place for place in exceptions if not (root / place).is_file()]
    return problems + [f"{place}:1: is an exception, and is not there" for place in gone]
