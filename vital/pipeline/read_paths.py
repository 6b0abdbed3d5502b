"""Which files and folders the parameters of a run name: images, checkpoints, modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vital.errors import DataError
from vital.params.base import read_block
from vital.params.data import DataParams
from vital.params.judges import JudgesParams
from vital.params.model import ModelParams
from vital.params.score import ScoreParams
from vital.runtime.places import links_among

_FACTORY = "python:"
_IMAGES = "data/photos"
_WEIGHTS = "data/checkpoints"
_CODE = "the project's own folder"


@dataclass(frozen=True)
class ReadPath:
    """A path that a run reads, the parameter and the value that name it.

    With ``is_tree`` all that lies below is read; ``further`` are files that what is there names.
    ``better`` is a place where such files are safe.
    """

    parameter: str
    value: str
    path: Path
    better: str
    is_tree: bool = False
    further: tuple[str, ...] = ()


def paths_read(root: Path, content: dict[str, Any]) -> Iterator[ReadPath]:
    """Every path that the parameters name, relative ones below ``root``; they need not exist.

    Raises ParamsError for a block that cannot be used.
    """
    yield from _images(root, read_block(content, "data", DataParams))
    yield from _network(root, "model", read_block(content, "model", ModelParams))
    for place, judge in enumerate(read_block(content, "judges", JudgesParams).root):
        yield from _network(root, f"judges.{place}", judge)
    score = read_block(content, "score", ScoreParams)
    files = {"score.inception": score.inception}
    if score.clip is not None:
        files["score.clip.checkpoint"] = score.clip.checkpoint
    for name, value in files.items():
        if value is not None:
            yield ReadPath(name, value, root / value, _WEIGHTS)


def _images(root: Path, params: DataParams) -> Iterator[ReadPath]:
    source, name = params.source, params.source.partition("/")[2]
    match params.kind:
        case "folder":
            yield ReadPath("data.source", source, root / source, _IMAGES, is_tree=True)
        case "tar":
            yield ReadPath("data.source", source, root / source, _IMAGES)
        case "table":
            listed = tuple(_listed(root, params))
            yield ReadPath("data.source", source, root / source, _IMAGES, further=listed)
        case "hfds" | "hfids":
            is_tree = (root / name).is_dir()
            yield ReadPath("data.source", source, root / name, _IMAGES, is_tree)
        case "wds":
            shards = tuple(sorted(map(str, (root / name).glob("*.tar"))))
            yield ReadPath("data.source", source, root / name, _IMAGES, further=shards)
    if params.root is not None:
        yield _read_root(root, params, params.root)


def _read_root(root: Path, params: DataParams, given: str) -> ReadPath:
    """The folder that ``data.root`` names or, where one alone below it is read, that one."""
    from vital.images.sources.imagenette import imagenette_folder

    alone = imagenette_folder(params, root)
    name = params.source.partition("/")[2].lower()
    is_tree = alone is not None or (params.kind == "torch" and name in ("image_folder", "folder"))
    return ReadPath("data.root", given, alone or root / given, _IMAGES, is_tree)


def _listed(root: Path, params: DataParams) -> Iterator[str]:
    """The folders of the images that a table lists, and the images that are links themselves."""
    from vital.images.sources.tables import listed_paths

    images = None if params.root is None else root / params.root
    names: dict[Path, set[str]] = {}
    try:
        for _, path in listed_paths(root / params.source, images, params.columns):
            names.setdefault(path.parent, set()).add(path.name)
    except DataError:  # the stage that reads it will say so
        return
    for folder, files in names.items():
        yield str(folder)
        yield from links_among(folder, files)


def _network(root: Path, block: str, params: ModelParams) -> Iterator[ReadPath]:
    if params.checkpoint is not None:
        path = root / params.checkpoint
        yield ReadPath(f"{block}.checkpoint", params.checkpoint, path, _WEIGHTS)
    if params.name.startswith(_FACTORY):
        module = params.name.removeprefix(_FACTORY).partition(":")[0]
        yield ReadPath(f"{block}.name", params.name, root / module.replace(".", "/"), _CODE)
    for name, value in texts_in(f"{block}.kwargs", params.kwargs):
        yield ReadPath(name, value, root / value, _WEIGHTS)


def texts_in(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """Every text among a network's arguments: it may be the path of a file."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from texts_in(f"{name}.{key}", inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(name, inner)
