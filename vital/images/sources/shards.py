"""WebDataset shards: tars of samples that are read once, from first to last."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from vital.errors import DataError, nearest
from vital.images.formats import SUFFIXES
from vital.images.sources.base import (
    Candidate,
    StreamedPool,
    legible,
    natural_key,
    require_extra,
    require_file,
)
from vital.params.data import Columns
from vital.runtime.files import holds

log = logging.getLogger(__name__)

_FIRST = ("jpg", "jpeg", "png", "webp", "ppm", "bmp", "tif", "tiff", "gif")
_ENDINGS = (*_FIRST, *sorted({ending[1:] for ending in SUFFIXES}.difference(_FIRST)))
"""A sample's image is the first that it has of these."""
_CLASS_FILE = "cls"
_MOST_SHARDS = 1_000_000
_RANGE = re.compile(r"\{(-?\d{1,4000})\.\.(-?\d{1,4000})")
_CHOICES = re.compile(r"[^{}]*,[^{}]*")
_INFO_FILES = ("_info.json", "info.json")


def open_shards(
    folder: Path, split: str | None = None, columns: Columns | None = None
) -> StreamedPool:
    """The samples of the shards in ``folder``, which are local files.

    ``split`` is a split of the folder's ``_info.json`` or names of shards, as in
    ``part-{000..009}.tar``; without it, ``train`` of that file or, where there is none, every tar
    of the folder. A sample's class is what its ``.cls`` file says, or a field of its ``.json``
    file. Raises DataError when webdataset is not installed or there are no such shards.

    timm's reader is not used: it decodes samples by itself, and leaves out in silence those that
    it cannot decode.
    """
    require_extra("webdataset", "wds", f"wds/{folder}")
    if not holds(folder.is_dir):
        raise DataError(f"{folder} is not a folder")
    names, field = _find_shards(folder, split)
    if not names:
        raise DataError(f"{folder} holds no shards (*.tar)")
    paths = [_shard(folder, name) for name in names]
    named = columns or Columns()
    label = named.label or field or None
    endings = named.image.split(";") if named.image else _ENDINGS
    return StreamedPool(lambda: _samples(paths, endings, label))


def _find_shards(folder: Path, split: str | None) -> tuple[Sequence[str], str]:
    """The names of the shards, and the field of the label where the folder says so."""
    info = next((folder / name for name in _INFO_FILES if holds((folder / name).is_file)), None)
    if split is not None and (".tar" in split or ".." in split):
        return _expand(split.partition("|")[0]), ""
    if info is not None:
        return _listed(info, split or "train")
    if split is not None:
        raise DataError(f"{folder} has no split {split!r}: it has no {_INFO_FILES[0]}")
    return sorted((path.name for path in folder.glob("*.tar")), key=natural_key), ""


def _expand(patterns: str) -> list[str]:
    """The names that patterns such as ``part-{000..009}.tar``, between ``::``, stand for."""
    from braceexpand import braceexpand

    if _count_names(patterns) > _MOST_SHARDS:
        raise DataError(f"data.splits: {patterns!r} stands for more than {_MOST_SHARDS:,} shards")
    try:
        return [name for pattern in patterns.split("::") for name in braceexpand(pattern)]
    except ValueError:
        raise DataError(f"data.splits: the braces of {patterns!r} do not match") from None


def _count_names(patterns: str) -> int:
    """No fewer than there are names, of which braceexpand makes all at once."""
    count = patterns.count("::") + 1
    for first, last in _RANGE.findall(patterns):
        count *= abs(int(first) - int(last)) + 1
    for choices in _CHOICES.findall(patterns):
        count *= choices.count(",") + 1
    return count


def _listed(info: Path, split: str) -> tuple[Sequence[str], str]:
    """What a folder's own list of its splits says of one of them."""
    try:
        splits = json.loads(info.read_bytes())["splits"]
        present = list(splits)
        found = splits.get(split)
        names = None if found is None else [str(name) for name in found["filenames"]]
        field = "" if found is None else str(found.get("alt_label") or "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError):
        raise DataError(
            f"{info} is damaged, or lists no splits as in "
            '{"splits": {"train": {"filenames": ["part-0.tar"]}}}'
        ) from None
    if names is None:
        raise DataError(f"{info.parent} has no split {split!r}; {nearest(split, present)}")
    return names, field


def _shard(folder: Path, name: str) -> Path:
    named = Path(name)
    if named.anchor or ".." in named.parts:
        raise DataError(f"a split of {folder} names {name!r}, which does not lie in it")
    require_file(folder / named)
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
        log.warning("%d samples have no image", without_image)


def _read_shard(path: Path) -> Iterator[dict[str, Any]]:
    import webdataset

    try:
        # An absolute path has no scheme, so that no name of a file can start a program.
        shards = webdataset.SimpleShardList([str(path.absolute())])
        yield from webdataset.DataPipeline(shards, webdataset.tarfile_to_samples())
    except Exception:  # whatever a damaged tar leads to
        raise DataError(f"{path} is damaged, or no shard: a tar of samples") from None


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
