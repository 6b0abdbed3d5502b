"""Hugging Face data sets: from local files, their cache or the hub, whole or as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from timm.data.readers import create_reader

from vital.errors import DataError, VitalError, nearest
from vital.images.files import UndecodableImageError, read_file
from vital.images.sources.base import (
    Candidate,
    IndexedPool,
    StreamedPool,
    group_by_class,
    natural_key,
    require_extra,
)
from vital.params.data import Columns

_HUB = "hf://"

ReadCell = Callable[[Any, str], bytes]
"""The content of an image's cell; the text names it in errors."""


def open_hfds(
    name: str, cache: Path | None = None, split: str | None = None, columns: Columns | None = None
) -> IndexedPool:
    """The images of a data set that is fetched whole, or lies in a local folder.

    Raises DataError when datasets is not installed, or when the data set, its split (by default
    ``train``) or a column is not there.
    """
    split = split or "train"
    with _explained("hfds", name, split):
        reader = _create_reader("hfds", name, cache, split, columns)
        # The reader's own table has every column that was asked for, be it filled or not.
        builder = _load_builder(name, cache)
    names = _names_by_index(name, builder, reader.image_key, reader.label_key)
    labels = [_class_name(label, names) for label in reader.dataset[reader.label_key]]
    order = list(names.values()) or sorted(set(labels), key=natural_key)
    read = _cell_reader(name, cache)

    def candidate(number: int) -> Candidate:
        origin = f"{split}/{number:06d}"
        return Candidate(origin, lambda: read(reader.dataset[number][reader.image_key], origin))

    return IndexedPool(group_by_class(labels, order), candidate)


def open_hfids(
    name: str, cache: Path | None = None, split: str | None = None, columns: Columns | None = None
) -> StreamedPool:
    """As :func:`open_hfds`, read once as it comes and kept nowhere.

    timm's reader finds the data set, but its samples are not used: it decodes them by itself, and
    ends at the first that it cannot decode.
    """
    split = split or "train"
    with _explained("hfids", name, split):
        reader = _create_reader("hfids", name, cache, split, columns, num_samples=1)  # any number
        rows = reader.builder.as_streaming_dataset(split=split)
    image, label = reader.input_key, reader.target_key
    names = _names_by_index(name, reader.builder, image, label)
    read = _cell_reader(name, cache)

    def stream() -> Iterator[tuple[str, Candidate]]:
        with _explained("hfids", name, split):
            for number, row in enumerate(_undecoded(rows, image)):
                candidate = _streamed(read, row[image], f"{split}/{number:06d}")
                yield _class_name(row[label], names), candidate

    return StreamedPool(stream)


@contextmanager
def _explained(kind: str, name: str, split: str) -> Iterator[None]:
    """Turn the errors of the hub, its cache and the many builders into one."""
    require_extra("datasets", "hfds", f"{kind}/{name}")
    try:
        yield
    except VitalError:
        raise
    except Exception as error:
        raise DataError(
            f"the data set {name!r} cannot be read at split {split!r}: {_reason(error)}"
        ) from None


def _reason(error: Exception) -> str:
    """What is wrong, as far as the kind of the error says it."""
    if isinstance(error, FileNotFoundError):
        return "no such data set is here or on the hub; if it is a folder, is its path right?"
    if isinstance(error, ConnectionError):
        return (
            "it is not here, and the hub cannot be reached; if it is a folder, is its path right?"
        )
    if isinstance(error, ValueError) and "split" in str(error).lower():
        return "it has no split of that name"
    if isinstance(error, ValueError) and "config name is missing" in str(error).lower():
        return "it has several configurations; give a folder with the files of one of them"
    return "its files are damaged, or of a kind that the package datasets does not read"


def _create_reader(
    kind: str,
    name: str,
    cache: Path | None,
    split: str,
    columns: Columns | None,
    num_samples: int | None = None,
) -> Any:
    named = columns or Columns()
    return create_reader(
        f"{kind}/{name}",
        root=None if cache is None else str(cache),
        split=split,
        input_key=named.image or "image",
        target_key=named.label or "label",
        num_samples=num_samples,
    )


def _load_builder(name: str, cache: Path | None) -> Any:
    import datasets

    return datasets.load_dataset_builder(name, cache_dir=None if cache is None else str(cache))


def _undecoded(rows: Any, image: str) -> Any:
    import datasets

    return rows.cast_column(image, datasets.Image(decode=False))


def _names_by_index(name: str, builder: Any, *columns: str) -> dict[int, str]:
    """What the data set calls the labels in the last of ``columns``, all of which must be there."""
    features = builder.info.features or {}
    for column in columns:
        if features and column not in features:
            raise DataError(
                f"the data set {name!r} has no column {column!r} (data.columns); "
                f"{nearest(column, features)}"
            )
    return dict(enumerate(getattr(features.get(columns[-1]), "names", None) or ()))


def _class_name(label: object, names: Mapping[int, str]) -> str:
    known = names.get(label) if isinstance(label, int) else None
    return str(label) if known is None else known


def _streamed(read: ReadCell, cell: Any, origin: str) -> Candidate:
    return Candidate(origin, lambda: read(cell, origin))


def _cell_reader(name: str, cache: Path | None) -> ReadCell:
    """Read images that a row holds, or files that it names within the data set or its cache."""
    from datasets import config

    folders = [Path(name), Path(config.HF_CACHE_HOME), Path(config.HF_DATASETS_CACHE), cache]
    roots = [folder.absolute() for folder in folders if folder is not None]

    def read(cell: Any, origin: str) -> bytes:
        content, path = (cell or {}).get("bytes"), (cell or {}).get("path")
        if content is not None:
            return bytes(content)
        if path is None:
            raise UndecodableImageError(origin, "there is no image in this row")
        if str(path).rpartition("::")[2].startswith(_HUB):
            return _read_from_hub(path, origin)
        local = Path(path)
        if ".." in local.parts or not any(local.is_relative_to(root) for root in roots):
            raise UndecodableImageError(origin, "its file lies outside of the data set")
        return read_file(local, origin)

    return read


def _read_from_hub(path: str, origin: str) -> bytes:
    import fsspec  # what datasets itself reads with

    try:
        with fsspec.open(path, "rb") as handle:
            return bytes(handle.read())
    except Exception:  # every file system has its own
        raise UndecodableImageError(origin, "cannot be read (the hub does not give it)") from None
