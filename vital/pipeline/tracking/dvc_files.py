"""What DVC's files say: the inputs of the pipeline, and the hashes of inputs and outputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import Any

from vital.errors import ArtefactError, ParamsError
from vital.params.yaml_file import read_yaml
from vital.runtime.files import digest_file


def input_hashes(root: Path) -> dict[str, str]:
    """The pipeline's own inputs with DVC's hashes: what stages need and no stage makes.

    Raises ArtefactError when a file of DVC's is damaged.
    """
    path = root / "dvc.yaml"
    with _named(path):
        # foreach keeps the stage itself under `do`.
        stages = [stage.get("do", stage) for stage in _stages(path)]
        needed = {path for stage in stages for path in _paths(stage, "deps")}
        made = {path for stage in stages for path in _paths(stage, "outs", "metrics", "plots")}
    return {
        path.as_posix(): dvc_hash(root / path)
        for path in sorted(needed)
        if not any(_overlap(path, out) for out in made)
    }


def locked_hash(lock: Path, path: str) -> str | None:
    """The hash of an output in the dvc.lock at ``lock``, or None where it has none.

    Raises ArtefactError when the file is damaged.
    """
    with _named(lock):
        entries = [entry for stage in _stages(lock) for entry in stage.get("outs") or ()]
        return next((entry.get("md5") for entry in entries if entry["path"] == path), None)


def dvc_hash(path: Path) -> str:
    """The md5 that DVC gives to a file or a folder; of what it tracks, the one it has noted.

    Raises ArtefactError when the file where it has noted that is damaged.
    """
    tracked = path.with_name(f"{path.name}.dvc")
    if tracked.is_file():
        with _named(tracked):
            return str(_read_yaml(tracked)["outs"][0].get("md5"))
    if path.is_dir():
        return _dvc_folder_hash(path)
    return digest_file(path, "md5") if path.is_file() else "missing"


def _dvc_folder_hash(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    listing = [
        {"md5": digest_file(path, "md5"), "relpath": path.relative_to(folder).as_posix()}
        for path in files
        if "__pycache__" not in path.parts
    ]
    listing.sort(key=itemgetter("relpath"))
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode()).hexdigest() + ".dir"


def _paths(stage: Mapping[str, Any], *sections: str) -> Iterator[PurePosixPath]:
    for section in sections:
        for entry in stage.get(section) or ():
            path: str = next(iter(entry), "") if isinstance(entry, Mapping) else entry
            # A templated name stands for all that lies in its folder.
            fixed, template, _ = path.partition("${")
            yield PurePosixPath(fixed.rpartition("/")[0] if template else fixed)


def _overlap(one: PurePosixPath, other: PurePosixPath) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)


def _stages(path: Path) -> list[Mapping[str, Any]]:
    """The stages in a file of DVC's."""
    return list((_read_yaml(path).get("stages") or {}).values())


def _read_yaml(path: Path) -> dict[str, Any]:
    """The content of a file of DVC's; empty when there is no such file."""
    if not path.exists():
        return {}
    try:
        return read_yaml(path) or {}
    except ParamsError as error:
        raise ArtefactError(str(error)) from None


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Raise ArtefactError, which names the file, where its content is not arranged as DVC does."""
    try:
        yield
    except (AttributeError, LookupError, TypeError):
        raise ArtefactError(f"{path} is damaged: DVC arranges its content otherwise") from None
