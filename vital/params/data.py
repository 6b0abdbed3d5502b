"""Block ``data``: which images the prepare stage collects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import ConfigDict, Field, ValidationInfo, field_validator

from vital.params.base import Block, Classes, Text, rule_error

PHOTOGRAPHS = "photographs"
"""The source that comes with installed packages."""

MOST_PER_CLASS = 100_000
"""So many images of a class in a split are more than any collection has."""

LARGEST_SIDE = 8192
"""Nearly as many pixels, squared, as Pillow takes for harmless."""

_Count = Annotated[int, Field(gt=0, le=MOST_PER_CLASS)]


class _Rules(NamedTuple):
    """Which optional keys a kind of source understands, and which it cannot do without."""

    takes: frozenset[str]
    needs: frozenset[str] = frozenset()


_RULES = {
    PHOTOGRAPHS: _Rules(frozenset({"size"}), needs=frozenset({"size"})),
    "folder": _Rules(frozenset({"size", "splits"})),
    "tar": _Rules(frozenset({"size"})),
    "table": _Rules(frozenset({"size", "splits", "root", "columns"})),
    "torch": _Rules(frozenset({"size", "splits", "root"}), needs=frozenset({"root"})),
    "hfds": _Rules(frozenset({"size", "splits", "root", "columns"})),
    "hfids": _Rules(frozenset({"size", "splits", "root", "columns"})),
    "wds": _Rules(frozenset({"size", "splits", "columns"})),
}
_PREFIXES = ("torch", "hfds", "hfids", "wds")
_KIND_OF_SUFFIX = {".tar": "tar", ".csv": "table", ".parquet": "table"}


def source_kind(source: str) -> str:
    """What reads ``source``: a prefix says so, else the file's ending; all else is a folder."""
    prefix, slash, _ = source.partition("/")
    if source == PHOTOGRAPHS or (slash and prefix.lower() in _PREFIXES):
        return prefix.lower()
    return _KIND_OF_SUFFIX.get(Path(source).suffix.lower(), "folder")


class PerClass(Block):
    """How many images of each class go into each split."""

    train: _Count
    validation: _Count
    heldout: Annotated[int, Field(ge=4, le=MOST_PER_CLASS)]


class Splits(Block):
    """The source's own splits that ours are drawn from; without a name, from that of ``train``."""

    train: Text
    validation: Text | None = None
    heldout: Text | None = None


class Columns(Block):
    """Where a table or a data set keeps the image and the label, if not under the usual names."""

    image: Text | None = None
    label: Text | None = None


class SourceParams(Block):
    """A collection of images.

    ``source`` is ``photographs``, a folder with a subfolder per class, a tar of such folders, a
    table (CSV or Parquet) of paths and labels, or a name for a reader of timm: ``torch/...``,
    ``hfds/...``, ``hfids/...``, ``wds/...``. ``root`` is the folder that a torchvision data set
    lies in, or Imagenette is fetched to, that a table's paths are relative to, or where Hugging
    Face data sets are kept.
    ``class_map`` says what the network calls a class of the source, where the names differ.
    """

    model_config = ConfigDict(validate_default=True)

    source: str
    root: Text | None = None
    columns: Columns | None = None
    class_map: dict[str, str | int] = Field(default_factory=dict)

    @field_validator("source")
    @classmethod
    def _names_images(cls, source: str) -> str:
        prefix, slash, rest = source.partition("/")
        if slash and prefix.lower() == "tfds":
            raise rule_error(f"{source!r} cannot be read here; write './{source}' for a folder")
        if not source.strip() or (prefix.lower() in _PREFIXES and not rest.strip("/")):
            raise rule_error(f"{source!r} names no images")
        return source

    @field_validator("root", "columns", "size", "splits", check_fields=False)
    @classmethod
    def _fits_the_source(cls, value: object, info: ValidationInfo) -> object:
        source, key = info.data.get("source"), str(info.field_name)
        if source is None:  # which is a problem of its own
            return value
        rules = _RULES[source_kind(source)]
        if value is None and key in rules.needs:
            raise rule_error(f"is missing: the source {source!r} cannot do without it")
        if value is not None and key not in rules.takes:
            raise rule_error(f"has no meaning for the source {source!r}")
        return value

    @property
    def kind(self) -> str:
        """What reads the source."""
        return source_kind(self.source)

    def network_name(self, name: str) -> str:
        """What the network calls the class that the source calls ``name``."""
        return str(self.class_map.get(name, name))


class ReferenceParams(SourceParams):
    """The source of a single call's reference images, or one of the source's own splits."""

    split: Text | None = None


class DataParams(SourceParams):
    """Where images come from and how many there are of each class.

    ``size`` is the side that ``photographs`` are cut to, in pixels; images of any other source
    have their short side shrunk to it, if it is given. ``classes`` names some of the source's
    classes.
    """

    size: Annotated[int, Field(ge=16, le=LARGEST_SIDE)] | None = None
    per_class: PerClass
    splits: Splits | None = None
    classes: Classes | None = None

    def is_asked_for(self, name: str) -> bool:
        """Whether ``classes`` lets in the class that the source calls ``name``."""
        return self.classes is None or name in map(str, self.classes)
