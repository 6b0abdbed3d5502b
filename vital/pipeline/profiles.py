"""Profiles: params files for one experiment each, and variants that change a few of their values.

``resnet50+quick`` is the file ``profiles/resnet50.yaml`` with the values of
``profiles/variants/quick.yaml`` laid over it.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from vital.errors import ParamsError, nearest
from vital.params.base import read_params, unknown_blocks
from vital.params.check import check_params
from vital.params.yaml_file import read_yaml
from vital.runtime.files import write_text

VARIANTS = "variants"
_SUFFIX = ".yaml"


def list_profiles(folder: Path) -> dict[str, str]:
    """The names of profiles and, with a leading ``+``, of variants; each with its first comment.

    Raises ParamsError when ``folder`` does not exist.
    """
    _check_folder(folder)
    variants = {f"+{name}": path for name, path in _files(folder / VARIANTS).items()}
    return {name: _headline(path) for name, path in {**_files(folder), **variants}.items()}


def compose_profile(folder: Path, name: str) -> str:
    """The text of a params file: the profile's, with its variants' values, comments kept.

    Raises ParamsError for an unknown profile or variant, and when the result is not valid.
    """
    _check_folder(folder)
    base, *variants = name.split("+")
    content = _load_base(_find(_files(folder), base, "profile"))
    for variant in variants:
        _lay_over(content, _load(_find(_files(folder / VARIANTS), variant, "variant")))
    try:
        check_params(content)
    except ParamsError as error:
        lines = [f"profile {name!r}: {line}" for line in str(error).splitlines()]
        raise ParamsError("\n".join(lines)) from None
    return _dump(content)


def use_profile(folder: Path, name: str, params: Path, overwrite: bool) -> None:
    """Write the profile to ``params``.

    Raises ParamsError when that would lose values that are in no profile and ``overwrite`` is
    not given.
    """
    text = compose_profile(folder, name)
    if params.exists() and not overwrite and not _is_profile(folder, params):
        raise ParamsError(
            f"{params} holds values of your own: save them under {folder}/<name>{_SUFFIX}, "
            "or say --overwrite"
        )
    write_text(params, text)


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ParamsError(f"no {folder} here: run this in the project's folder")


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob(f"*{_SUFFIX}")) if path.is_file()}


def _find(files: Mapping[str, Path], name: str, kind: str) -> Path:
    if name not in files:
        raise ParamsError(f"there is no {kind} {name!r}; {nearest(name, files)}")
    return files[name]


def _headline(path: Path) -> str:
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        first = lines.readline()
    return first.removeprefix("#").strip() if first.startswith("#") else ""


def _load_base(path: Path) -> Any:
    """As :func:`_load`, of a file that has all blocks."""
    content = _load(path)
    read_params(path)
    return content


def _load(path: Path) -> Any:
    """The content of a file with its comments.

    Raises ParamsError where it is not blocks of parameters.
    """
    _values(path)
    return YAML().load(path.read_text(encoding="utf-8-sig"))


def _dump(content: Any) -> str:
    yaml = YAML()
    yaml.width = 100
    buffer = io.StringIO()
    yaml.dump(content, buffer)
    return buffer.getvalue()


def _lay_over(content: MutableMapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Replace values, block within block."""
    for key, value in changes.items():
        inner = content.get(key)
        if isinstance(value, Mapping) and isinstance(inner, MutableMapping):
            _lay_over(inner, value)
        else:
            content[key] = value


def _is_profile(folder: Path, params: Path) -> bool:
    """Whether the values are those of some profile, with or without one variant."""
    present = read_params(params)
    bases = [_values(path) for path in _files(folder).values()]
    variants = [{}, *(_values(path) for path in _files(folder / VARIANTS).values())]
    return any(_laid_over(base, variant) == present for base in bases for variant in variants)


def _values(path: Path) -> dict[str, Any]:
    """The content of a file as plain data; raises ParamsError as :func:`_load` does."""
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise ParamsError(f"{path} must hold blocks of parameters, such as visualize")
    problems = unknown_blocks(content, path)
    if problems:
        raise ParamsError("\n".join(problems))
    return content


def _laid_over(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    content = copy.deepcopy(dict(base))
    _lay_over(content, changes)
    return content
