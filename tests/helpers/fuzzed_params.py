"""A params file with random changes, what is said of it, and what it means to another reader."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from pydantic import BaseModel, RootModel
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from helpers.messages import unclean
from helpers.repository import ROOT
from vital.errors import VitalError
from vital.params.base import read_block, read_params, read_seed
from vital.params.check import _KINDS, check_params
from vital.params.methods import read_methods

VALUES = (
    "-1", "0", "1", "2", "3", "16", "64", "1000000", "10000000", "1" + "0" * 30, "9" * 5000,
    "0x" + "f" * 5000, "1e300", "1e-300", "1e3", ".inf", "-.inf", ".nan", "0.5", "64.5", "1.0",
    "-0.0", "true", "false", "yes", "on", "null", "~", "''", "' '", "a", "'1'", "all", "auto",
    "caf\u00e9", '"\\ud800"', '"\\0"', "x" * 10_000, "../..", "/", "[]", "[[]]", "[1]", "[1, 2]",
    "[a, a]", "[null]", "[0.5, 0.9]", "[" + "1, " * 10_000 + "1]", "{}", "{a: 1}", "{1: 2}",
    "{1: 2, '1': 3}", "{true: 1}", "{[a]: 1}", "2020-01-02", "2020-13-45", "!!binary aGk=",
    "!!set {a}", "!!int x", "!!bool x", "!!python/object:os.system a", "&a [*a]", "*nothing",
    "local", "ray", "photographs", "hfds/", "cpu", "random", "equal", "timm/resnet10t",
    "[" * 200 + "]" * 200, "[" * 3000, "1:30", "010", "0o17", "1_000", "2001-12-14 21:59:43",
)  # fmt: skip

LONGEST = 500
"""Characters of a line of a refusal: values are cut off."""


@cache
def base() -> dict[str, Any]:
    """The project's own parameters with every key that there is, written out."""
    content = read_params(ROOT / "params.yaml")
    for name, kind in _KINDS.items():
        content[name] = read_block(content, name, kind).model_dump(mode="json")
    return content


def params_case(draws: Random, folder: Path) -> tuple[str, str]:
    """Change a file once or twice, have it checked, and judge what came of it."""
    content = deepcopy(base())
    changed = [_change(draws, content) for _ in range(draws.choice((1, 1, 2)))]
    text = _flow(content)
    damage = draws.random() < 0.15
    data = _damage(draws, text) if damage else text.encode("utf-8", "surrogatepass")
    path = folder / "params.yaml"
    path.write_bytes(data)
    story = f"changed: {changed}{', damaged' if damage else ''}"
    try:
        read = read_params(path)
        check_params(read)
    except VitalError as error:
        problem = unclear(str(error), changed[0] if len(changed) == 1 and not damage else "")
        return ("unclear", f"{story}\n{problem}\n{error}") if problem else ("refused", str(error))
    differing = list(_differences(read, path))
    if differing:
        return "silently changed", f"{story}\n" + "\n".join(differing)
    return "effective", story


class Raw(str):
    """A value as the file shall have it, letter for letter."""


def _flow(value: Any) -> str:
    """YAML in braces and brackets, a line for each key of the first level."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(key)}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value)


def _key(key: str) -> str:
    """A key may stand there several times, with marks that are not written."""
    return json.dumps(key.rstrip("\0"))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items: Any = ()
    if isinstance(value, Mapping):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, one in items:
        yield (*path, key)
        yield from _places(one, (*path, key))


def _change(draws: Random, content: dict[str, Any]) -> str:
    """Change the content at one place; returns its dotted name."""
    path = draws.choice(list(_places(content)))
    parent: Any = content
    for key in path[:-1]:
        parent = parent[key]
    key = path[-1]
    actions = [_replace, _replace, _replace, _replace, _take_another]
    if isinstance(parent, dict):
        actions += [_delete, _misspell, _double]
    draws.choice(actions)(draws, content, parent, key)
    return ".".join(map(str, path))


def _replace(draws: Random, _content: dict[str, Any], parent: Any, key: Any) -> None:
    parent[key] = Raw(draws.choice(VALUES))


def _take_another(draws: Random, content: dict[str, Any], parent: Any, key: Any) -> None:
    value: Any = content
    for step in draws.choice(list(_places(content))):
        value = value[step]
    parent[key] = Raw(_flow(value))


def _delete(_draws: Random, _content: dict[str, Any], parent: Any, key: Any) -> None:
    del parent[key]


def _misspell(draws: Random, _content: dict[str, Any], parent: Any, key: Any) -> None:
    place = draws.randrange(len(key) + 1)
    wrong = key[:place] + draws.choice("xyz_") + key[place + draws.randrange(2) :]
    parent[wrong] = parent.pop(key)


def _double(draws: Random, _content: dict[str, Any], parent: Any, key: Any) -> None:
    parent[f"{key}\0"] = Raw(draws.choice(("1", "a", "null", _flow(parent[key]))))


def _damage(draws: Random, text: str) -> bytes:
    """The file in another encoding, cut, or with bytes changed."""
    content = text.encode("utf-8", "surrogatepass")
    place = draws.randrange(len(content))
    return draws.choice(
        (
            lambda: text.encode("utf-16", "surrogatepass"),
            lambda: b"\xef\xbb\xbf" + content,
            lambda: content.replace(b", ", b",\r\n "),
            lambda: content[:place],
            lambda: content[:place] + bytes([draws.randrange(256)]) + content[place + 1 :],
            lambda: b"%YAML 1.1\n---\n" + content,
            lambda: content + b"\n---\n" + content,
            lambda: b"",
            lambda: b"- " + content,
            lambda: b"\t" + content,
            lambda: content + b"\0",
        )
    )()


def unclear(message: str, place: str) -> str:
    """What is wrong with a refusal, or nothing; a single change must be named in it."""
    if fault := unclean(message, longest=LONGEST):
        return fault
    parts = place.split(".")
    named = {".".join(parts[:count]) for count in range(1, len(parts) + 1)} | {"params.yaml"}
    if place and not any(name in message for name in named):
        return f"{place} is not named"
    return ""


def _differences(content: dict[str, Any], path: Path) -> Iterator[str]:
    """Where the checked blocks do not hold what another reading of the file does."""
    text = path.read_text(encoding="utf-8-sig")
    theirs = _read(YAML(typ="safe", pure=True).compose(text))
    parsed: dict[str, Any] = {
        "seed": read_seed(content),
        "methods": list(read_methods(content)),
        **{name: _dumped(read_block(content, name, kind)) for name, kind in _KINDS.items()},
    }
    for name, value in parsed.items():
        yield from compare(theirs[name], value, name)


def _dumped(block: BaseModel) -> Any:
    if isinstance(block, RootModel):
        return [_dumped(one) for one in block.root]
    return block.model_dump()


def compare(written: Any, parsed: Any, name: str) -> Iterator[str]:
    if isinstance(written, dict) and isinstance(parsed, dict):
        for key, value in written.items():
            if key not in parsed:
                yield f"{name}.{key} is not there"
            else:
                yield from compare(value, parsed[key], f"{name}.{key}")
    elif isinstance(written, list) and isinstance(parsed, list | tuple):
        if len(written) != len(parsed):
            yield f"{name} has {len(parsed)} values, not {len(written)}"
        for place, (one, other) in enumerate(zip(written, parsed, strict=False)):
            yield from compare(one, other, f"{name}.{place}")
    elif (written is None and parsed in ({}, [])) or _is_of_defaults(written, parsed, name):
        return
    else:
        same_kind = type(written) is type(parsed) or (type(written), type(parsed)) == (int, float)
        if not same_kind or written != parsed:
            yield f"{name}: {written!r:.200} became {parsed!r:.200}"


def _is_of_defaults(written: Any, parsed: Any, name: str) -> bool:
    """A whole block that is null has its defaults."""
    return written is None and isinstance(parsed, dict) and "." not in name


_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9_]*|0[0-9_]+)")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?")
_WORDS = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}


def _read(node: Node) -> Any:
    """What the nodes of a file mean by the rules of YAML, without the library's own resolver."""
    if isinstance(node, MappingNode):
        return {str(_read(key)): _read(value) for key, value in node.value}
    if not isinstance(node, ScalarNode):
        return [_read(one) for one in node.value]
    text = str(node.value)
    if node.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text.replace("_", ""))
    if text.startswith(("0o", "0x")):
        return int(text, 0)
    if _NUMBER.fullmatch(text):
        return float(text.replace("_", ""))
    return text
