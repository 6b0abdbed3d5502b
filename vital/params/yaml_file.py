"""YAML as plain data, and what is wrong with a file in one line that says where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from vital.errors import ParamsError, first_line

_OTHER_VERSION = re.compile(r"\s*%YAML\s+(?!1\.2\s)(\S+)")
"""In YAML 1.1 "on" is true and 010 is 8."""


def read_yaml(path: Path) -> Any:
    """The content of a YAML file.

    Raises ParamsError when the file is missing, is not UTF-8 or is no YAML.
    """
    text = _text(path)
    other = _OTHER_VERSION.match(text)
    if other:
        raise ParamsError(f"{path} says that it is YAML {other[1]}: write it in YAML 1.2")
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ParamsError(f"{path} is not valid YAML: {_explain(error)}") from None
    except RecursionError:
        raise ParamsError(f"{path} is not valid YAML: it is nested too deeply") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        # A date such as 2020-13-45, a tag that its value does not suit, a number of 5000 digits.
        reason = first_line(error).partition(";")[0]
        raise ParamsError(f"{path} holds a value that cannot be read: {reason}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ParamsError(f"{path} does not exist") from None
    except IsADirectoryError:
        raise ParamsError(f"{path} is a folder, not a file of parameters") from None
    except UnicodeDecodeError as error:
        byte, line = error.object[error.start], error.object[: error.start].count(b"\n") + 1
        raise ParamsError(
            f"{path} is not UTF-8: byte 0x{byte:02x} in line {line}; save it as UTF-8"
        ) from None


def _explain(error: YAMLError) -> str:
    """What is wrong, and where."""
    if isinstance(error, ReaderError):
        return f"it holds the character {_character(error)}, which YAML does not allow"
    if not isinstance(error, MarkedYAMLError):
        return first_line(error)
    problem = (error.problem or error.context or "it cannot be read").partition("\n")[0]
    if isinstance(error, DuplicateKeyError):
        key = problem.partition(" with value")[0].removeprefix("found duplicate key ")
        problem = f"the key {key} stands there twice"
    mark = error.problem_mark or error.context_mark
    return problem if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: {problem}"


def _character(error: ReaderError) -> str:
    code = error.character if isinstance(error.character, int) else ord(error.character)
    return f"U+{code:04X}"
