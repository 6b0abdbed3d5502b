"""What a run reads besides the pipeline's files: images, weights, modules of the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vital.networks.carried import carried_network, find_weights, is_carried
from vital.params.base import read_block
from vital.params.data import DataParams
from vital.params.judges import JudgesParams
from vital.params.model import ModelParams
from vital.params.score import ScoreParams
from vital.pipeline.read_paths import texts_in
from vital.runtime.files import holds

_FACTORY = "python:"

_READERS = {
    "photographs": "photographs", "folder": "sources.folders", "tar": "sources.tars",
    "table": "sources.tables", "torch": "sources.torch_datasets", "hfds": "sources.hub_datasets",
    "hfids": "sources.hub_datasets", "wds": "sources.shards",
}  # fmt: skip
"""The module that reads each kind of source."""

_PACKAGES = {"photographs": {"skimage", "sklearn"}}
"""The packages that carry images themselves."""

Places = tuple[tuple[str, Path], ...]
"""Files and folders, each with a name that is the same on every machine."""


@dataclass(frozen=True)
class Outside:
    """What one stage reads: files by the parameter that names them, and modules.

    ``packages`` are those that carry what it reads, ``unused`` those that it has no use for.
    """

    files: Mapping[str, Places] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    packages: frozenset[str] = frozenset()
    unused: frozenset[str] = frozenset()


def outside_of(content: Mapping[str, Any], root: Path) -> dict[str, Outside]:
    """What each stage reads from outside of the project's ``data``; relative paths are of ``root``.

    Raises ParamsError for a block that cannot be used, DataError for a table of images that cannot
    be read.
    """
    content = dict(content)
    data = read_block(content, "data", DataParams)
    model = read_block(content, "model", ModelParams)
    judges = read_block(content, "judges", JudgesParams).root
    score = read_block(content, "score", ScoreParams)
    studied = _factories([model])
    judging = _factories(judges)
    judging_arguments = {
        name: places
        for place, judge in enumerate(judges)
        for name, places in _arguments(f"judges.{place}", judge, root).items()
    }
    judged = {
        name: places
        for place, judge in enumerate(judges)
        for name, places in _weights(f"judges.{place}", judge, root).items()
    }
    scored = {
        "score.clip.checkpoint": score.clip.checkpoint if score.clip else None,
        "score.inception": score.inception,
    }
    networks = {"open_clip": score.clip, "torch_fidelity": score.inception}
    arguments = _arguments("model", model, root)
    reads_network = Outside(arguments, studied)
    return {
        "prepare": _images(data, root),
        "model": Outside({**_weights("model", model, root), **arguments}, studied),
        **dict.fromkeys(
            ("units", "extract", "references", "relevance", "visualize"), reads_network
        ),
        "judges": Outside({**judged, **judging_arguments}, judging),
        "score": Outside(
            {**_files(scored, root), **arguments, **judging_arguments},
            (*studied, *judging),
            unused=frozenset(package for package, used in networks.items() if not used),
        ),
    }


def _images(data: DataParams, root: Path) -> Outside:
    places = tuple(_source_places(data, root))
    return Outside(
        {"data.source": places} if places else {},
        modules=(f"vital.images.{_READERS[data.kind]}",),
        packages=frozenset(_PACKAGES.get(data.kind, ())),
    )


def _source_places(data: DataParams, root: Path) -> Iterator[tuple[str, Path]]:
    """The files of a source; none for a data set that only a hub has."""
    name = data.source.partition("/")[2]
    match data.kind:
        case "folder" | "tar":
            yield "", root / data.source
        case "table":
            from vital.images.sources.tables import listed_paths

            yield "table", root / data.source
            if not holds((root / data.source).is_file):
                return
            folder = None if data.root is None else root / data.root
            for path, place in listed_paths(root / data.source, folder, data.columns):
                yield f"listed/{path}", place
        case "torch":
            from vital.images.sources.imagenette import imagenette_folder

            yield "", imagenette_folder(data, root) or root / (data.root or "")
        case "wds":
            yield "", root / name
        case "hfds" | "hfids":
            for local in (name, data.root):
                if local and holds((root / local).is_dir):
                    yield local, root / local


def _files(named: Mapping[str, str | None], root: Path) -> dict[str, Places]:
    return {name: (("", root / path),) for name, path in named.items() if path is not None}


def _weights(block: str, network: ModelParams, root: Path) -> dict[str, Places]:
    """The file of a network's weights: a checkpoint, or one that an installed package carries."""
    places = _files({f"{block}.checkpoint": network.checkpoint}, root)
    if network.pretrained and is_carried(network.name):
        package = Path(carried_network(network.name).package)
        places[f"{block}.pretrained"] = (("", find_weights(network.name) or package),)
    return places


def _arguments(block: str, network: ModelParams, root: Path) -> dict[str, Places]:
    """The files that a network's arguments name."""
    named = texts_in(f"{block}.kwargs", network.kwargs)
    return {name: (("", root / value),) for name, value in named if holds((root / value).is_file)}


def _factories(networks: Sequence[ModelParams]) -> tuple[str, ...]:
    """The modules of the factories among the networks."""
    names = (one.name.removeprefix(_FACTORY) for one in networks if one.name.startswith(_FACTORY))
    return tuple(dict.fromkeys(name.partition(":")[0] for name in names))
