"""WebDataset shards: tars of samples that are read once, from first to last."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from timm.data.readers import create_reader

from vital.errors import DataError, first_line
from vital.images.sources.base import (
    Candidate,
    StreamedPool,
    legible,
    natural_key,
    require_extra,
)
from vital.params.data import Columns

log = logging.getLogger(__name__)

_IMAGES = "jpg;jpeg;png;webp;ppm;bmp;tif;tiff;gif"
_CLASS_FILE = "cls"
_INFO_FILES = ("_info.json", "info.json")


def open_shards(
    folder: Path, split: str | None = None, columns: Columns | None = None
) -> StreamedPool:
    """The samples of the shards in ``folder``, which are local files.

    ``split`` is a split of the folder's ``_info.json`` or names of shards, as in
    ``part-{000..009}.tar``; without it, ``train`` of that file or, where there is none, every tar
    of the folder. A sample's class is what its ``.cls`` file says, or a field of its ``.json``
    file. Raises DataError when webdataset is not installed or there are no such shards.

    timm's reader finds the shards, but its samples are not used: it decodes them by itself, and
    leaves out in silence those that it cannot decode.
    """
    require_extra("webdataset", "wds", f"wds/{folder}")
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder")
    names, field = _find_shards(folder, split)
    paths = [_shard(folder, name) for name in names]
    named = columns or Columns()
    label = named.label or field or None
    endings = (named.image or _IMAGES).split(";")
    return StreamedPool(lambda: _samples(paths, endings, label))


def _find_shards(folder: Path, split: str | None) -> tuple[Sequence[str], str]:
    """The names of the shards, and the field of the label where the folder says so."""
    has_info = any((folder / name).is_file() for name in _INFO_FILES)
    if split is None and not has_info:
        names = sorted((path.name for path in folder.glob("*.tar")), key=natural_key)
        if not names:
            raise DataError(f"{folder} holds no shards (*.tar)")
        return names, ""
    try:
        found = create_reader("wds/", root=str(folder), split=split or "train").split_info
    except (RuntimeError, ValueError, KeyError) as error:
        raise DataError(
            f"{folder} has no split {split or 'train'!r} ({first_line(error)})"
        ) from None
    return found.filenames, found.alt_label


def _shard(folder: Path, name: str) -> Path:
    named = Path(name)
    if named.anchor or ".." in named.parts:
        raise DataError(f"a split of {folder} names {name!r}, which does not lie in it")
    if not (folder / named).is_file():
        raise DataError(f"{folder / named} does not exist")
    return folder / named


def _samples(
    paths: Sequence[Path], endings: Sequence[str], label: str | None
) -> Iterator[tuple[str, Candidate]]:
    without_image = 0
    for path in paths:
        for sample in _read_shard(path):
            origin = legible(f"{path.name}/{sample['__key__']}")
            content = next((sample[ending] for ending in endings if ending in sample), None)
            if content is None:
                without_image += 1
            else:
                yield _class_name(sample, origin, label), _candidate(origin, content)
    if without_image:
        log.warning("%d samples have no image (%s)", without_image, ", ".join(endings))


def _read_shard(path: Path) -> Iterator[dict[str, Any]]:
    import webdataset

    try:
        # An absolute path has no scheme, so that no name of a file can start a program.
        shards = webdataset.SimpleShardList([str(path.absolute())])
        yield from webdataset.DataPipeline(shards, webdataset.tarfile_to_samples())
    except Exception as error:  # whatever a damaged tar leads to
        raise DataError(f"{path} is damaged ({first_line(error)})") from None


def _candidate(origin: str, content: bytes) -> Candidate:
    return Candidate(origin, lambda: content)


def _class_name(sample: Mapping[str, bytes], origin: str, label: str | None) -> str:
    if label is None:
        if _CLASS_FILE not in sample:
            raise DataError(
                f"{origin} has no .cls file; name the label's field in its .json file "
                "(data.columns.label)"
            )
        return sample[_CLASS_FILE].decode("utf-8", "backslashreplace").strip()
    try:
        return str(json.loads(sample["json"])[label])
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{origin} has no label {label!r} in its .json file") from None
