"""What a file of Python's source is made of: what it imports, and the digest of its code."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from vital.errors import ArtefactError, ModelError
from vital.runtime.files import digest_file, read_json, write_text


@dataclass(frozen=True)
class SourceFile:
    """A module's dotted imports, wherever in the file they stand, and the sha256 of its code.

    ``at_load`` are those that loading the module carries out: not those within functions.
    """

    sha256: str
    imports: tuple[str, ...]
    at_load: tuple[str, ...]


_read_before: dict[str, tuple[list[Any], SourceFile]] = {}
"""What is known of a file by its path, and what told that it was the same."""


def read_source(path: Path, package: str) -> SourceFile:
    """Read a module of ``package``, which its relative imports start from.

    Comments on lines of their own, docstrings and empty lines have no part in the digest: nothing
    has to be computed again because they change.
    Raises ModelError when the file is not valid Python.
    """
    status = path.stat()
    mark = [package, status.st_mtime_ns, status.st_size, status.st_ino]
    known = _read_before.get(str(path))
    if known is None or known[0] != mark:
        known = _read_before[str(path)] = (mark, _read(path, package))
    return known[1]


@contextmanager
def remembering(memo: Path) -> Iterator[None]:
    """Take from a file what was read before, and keep there what is read in the block."""
    reader = digest_file(Path(__file__))
    found = _load(memo, reader)
    _read_before.update(found)
    yield
    if _read_before != found:
        content = {path: (mark, astuple(file)) for path, (mark, file) in _read_before.items()}
        write_text(memo, json.dumps({"reader": reader, "files": content}))


def _load(memo: Path, reader: str) -> dict[str, tuple[list[Any], SourceFile]]:
    """What a memo holds; nothing where it is not there, damaged or another version's."""
    try:
        kept = read_json(memo)
        files = kept["files"] if kept["reader"] == reader else {}
        return {
            path: (mark, SourceFile(sha256, tuple(imports), tuple(at_load)))
            for path, (mark, (sha256, imports, at_load)) in files.items()
        }
    except (ArtefactError, OSError, ValueError, TypeError, LookupError, AttributeError):
        return {}


def _read(path: Path, package: str) -> SourceFile:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise ModelError(f"{path} is not valid Python: {error}") from None
    typed_only = {id(node) for block in ast.walk(tree) for node in _type_checking(block)}
    every = [node for node in ast.walk(tree) if id(node) not in typed_only]
    return SourceFile(
        sha256=hashlib.sha256("\n".join(_code_lines(text, tree)).encode()).hexdigest(),
        imports=tuple(dict.fromkeys(_imports(every, package))),
        at_load=tuple(dict.fromkeys(_imports(_outside_functions(tree, typed_only), package))),
    )


def _code_lines(text: str, tree: ast.Module) -> Iterator[str]:
    """The lines that can change what the code does."""
    strings, docstrings = _string_lines(tree), _docstring_lines(tree)
    for number, line in enumerate(text.splitlines(), start=1):
        code = line.strip()
        is_idle = number not in strings and (not code or code.startswith("#"))
        if not is_idle and number not in docstrings:
            yield line.rstrip() if number not in strings else line


def _string_lines(tree: ast.Module) -> set[int]:
    """Lines within strings of several lines, where a # is no comment."""
    return {
        number
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr | ast.Constant) and node.end_lineno
        for number in range(node.lineno, node.end_lineno + 1)
        if node.end_lineno > node.lineno
    }


def _docstring_lines(tree: ast.Module) -> set[int]:
    """Lines of strings that stand for themselves, with nothing else beside them."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        texts = [_span(statement) for statement in node.body if _is_text(statement)]
        code = [_span(statement) for statement in node.body if not _is_text(statement)]
        for text in texts if code else ():
            if not any(set(text) & set(span) for span in code):
                lines.update(text)
    return lines


def _span(statement: ast.stmt) -> range:
    return range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)


def _is_text(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _outside_functions(node: ast.AST, left_out: set[int]) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if id(child) in left_out:
            continue
        yield child
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _outside_functions(child, left_out)


def _type_checking(node: ast.AST) -> Iterator[ast.AST]:
    """What stands under ``if TYPE_CHECKING``, which no process carries out."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        for statement in node.body:
            yield from ast.walk(statement)


def _imports(nodes: Iterator[ast.AST] | list[ast.AST], package: str) -> Iterator[str]:
    """The dotted names that may be modules: of ``from a import b`` both ``a`` and ``a.b``."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, package)
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _origin(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = ".".join(parts[: len(parts) - node.level + 1])
    return f"{base}.{node.module}" if node.module else base
