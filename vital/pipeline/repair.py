"""Repair of the two plain files that DVC rewrites in place, should it be killed meanwhile.

``dvc.lock`` comes back from git. What it knew of later runs is in DVC's cache of runs, from which
``dvc repro`` takes results again without computing them. DVC's own lock file is in no revision;
it is moved aside, as is ``dvc.lock`` where git has none that is whole.

What counts as whole is what DVC itself reads: its schemas of the two files, which ``dvc.api`` does
not offer. They are internal to DVC and may move in any minor version, so pyproject.toml bounds it.
"""

from __future__ import annotations

import json
import logging
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vital.pipeline.release import release
from vital.runtime.files import write_bytes

log = logging.getLogger(__name__)

DAMAGED_SUFFIX = ".damaged"

_SETTLING_SECONDS = 0.5


def repair(root: Path) -> list[str]:
    """Mend what a killed DVC left in the project at ``root``; returns what was done, in words."""
    access = root / ".dvc" / "tmp" / "rwlock"
    done = [_repair_lock_file(root / "dvc.lock"), _repair_access_file(access), release(access)]
    return [sentence for sentence in done if sentence]


def _repair_lock_file(path: Path) -> str:
    reason = _settled_damage(path, _damage_of_lock_file)
    if not reason:
        return ""
    committed = _committed(path)
    if committed is None or _damage_of_lock_file(committed):
        return f"{path.name} is damaged ({reason}) and git has no whole one: {_move_aside(path)}"
    write_bytes(path, committed)
    return (
        f"{path.name} is damaged ({reason}): restored from the last commit; what ran since then "
        "comes from DVC's cache where it is there"
    )


def _repair_access_file(path: Path) -> str:
    reason = _settled_damage(path, _damage_of_access_file)
    if not reason:
        return ""
    return f"DVC's lock file is damaged ({reason}): {_move_aside(path)}"


def _settled_damage(path: Path, damage: Callable[[bytes], str]) -> str:
    """What is wrong with a file, or nothing; one that DVC is just writing is given time."""
    content = _read(path)
    while content is not None and damage(content):
        time.sleep(_SETTLING_SECONDS)
        earlier, content = content, _read(path)
        if content == earlier:
            return damage(content)
    return ""


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _damage_of_lock_file(content: bytes) -> str:
    """Why DVC cannot have written this to the end, or nothing."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA  # here: it takes a second to load
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError
    from voluptuous import Invalid

    if not content.endswith(b"\n"):
        return "it is cut off" if content else "it is empty"
    try:
        COMPILED_LOCKFILE_SCHEMA(YAML(typ="safe").load(content.decode()))
    except Invalid as error:
        return _misplaced(error.path)
    except (YAMLError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "it is no YAML"
    return ""


def _damage_of_access_file(content: bytes) -> str:
    from dvc.rwlock import SCHEMA
    from voluptuous import Invalid

    try:
        SCHEMA(json.loads(content))
    except (ValueError, RecursionError):
        return "it is cut off" if content else "it is empty"
    except Invalid as error:
        return _misplaced(error.path)
    return ""


def _misplaced(path: Sequence[Any]) -> str:
    """What is wrong with a file in which DVC's schema does not find what it should at ``path``."""
    return f"not as DVC writes it at {'.'.join(map(str, path))}" if path else "it has no entries"


def _committed(path: Path) -> bytes | None:
    """The file's content in the last commit, or None."""
    command = ["git", "show", f"HEAD:./{path.name}"]
    try:
        shown = subprocess.run(command, cwd=path.parent, capture_output=True, check=False)
    except FileNotFoundError:
        return None  # no git here
    return shown.stdout if shown.returncode == 0 else None


def _move_aside(path: Path) -> str:
    """Rename a file to a name that nothing reads; returns that in words."""
    aside = path.with_name(path.name + DAMAGED_SUFFIX)
    path.replace(aside)
    return f"moved to {aside.name}"
