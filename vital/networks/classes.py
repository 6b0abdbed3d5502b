"""Which class of a network a name means: resolved by a map, never by position."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import pandas as pd
from timm.data import ImageNetInfo, infer_imagenet_subset

from vital.artefacts.columns import CLASS_NAME
from vital.artefacts.manifest import class_names
from vital.errors import DataError, close_names, nearest

_SAME_NAMES = 0.9
"""The share of a network's classes that must be called as ImageNet calls them, for it to be an
ImageNet network: lists of names differ in a few."""

_SHOWN = 20
"""How many names a message lists before it says how many more there are."""

Places = Mapping[str, tuple[int, ...]]
"""The indices of the classes that each name could mean."""


class ClassMap:
    """Finds a class by its name, its index or, for ImageNet networks, its synset.

    ``names`` are those of the network's ``count`` classes, by index. Without them the classes are
    ImageNet's where their number is that of one of its sets, else they are called by their index.
    """

    def __init__(self, names: Sequence[str], count: int) -> None:
        synsets, descriptions = _imagenet(count)
        plain = tuple(text.partition(",")[0] for text in descriptions)
        self.names = tuple(names) or plain or tuple(str(index) for index in range(count))
        if not _are_alike(self.names, synsets, descriptions):
            synsets, descriptions = (), ()
        self._synsets = synsets
        self._exact = (_places(enumerate(self.names)), _places(enumerate(synsets)))
        self._loose = (
            _places((index, _plain(name)) for index, name in enumerate(self.names)),
            _places((i, name) for i, text in enumerate(descriptions) for name in _aliases(text)),
        )
        # A network with classes called 3 and 7 has no class 1, though it has one of index 1.
        self._takes_indices = all(
            not name.isdigit() or name == str(index) for index, name in enumerate(self.names)
        )

    def find(self, text: str) -> int:
        """The index of the class that ``text`` names.

        Raises DataError that lists the nearest candidates, or says that the name is not unique.
        """
        found = self.look_up(text)
        if len(found) > 1:
            raise DataError(f"class name {text!r} is not unique: indices {list(found)}")
        if not found:
            raise DataError(f"{text!r} is no class of the network; {nearest(text, self._known())}")
        return found[0]

    def find_all(self, texts: Mapping[str, str]) -> dict[str, int]:
        """The index of the class that each value of ``texts`` names; no two may name the same.

        The keys are what the images' classes are called there. Raises DataError that lists all
        that cannot be found, with candidates.
        """
        found = {name: self.look_up(text) for name, text in texts.items()}
        if any(len(indices) != 1 for indices in found.values()):
            raise DataError(self._explain(texts, found))
        single = {name: index for name, (index,) in found.items()}
        _refuse_equal(single, self.names)
        return single

    def look_up(self, text: str) -> tuple[int, ...]:
        """The classes that ``text`` could mean; the strictest reading that knows it decides."""
        readings = [places.get(text) for places in self._exact]
        readings += [places.get(_plain(text)) for places in self._loose]
        for found in filter(None, readings):
            return found
        is_index = self._takes_indices and text.isascii() and text.isdigit() and len(text) < 10
        return (int(text),) if is_index and int(text) < len(self.names) else ()

    def _known(self) -> tuple[str, ...]:
        return (*self.names, *self._synsets)

    def _explain(self, texts: Mapping[str, str], found: Mapping[str, tuple[int, ...]]) -> str:
        bad = [name for name, indices in found.items() if len(indices) != 1]
        lines = [self._explain_one(name, texts[name], found[name]) for name in bad[:_SHOWN]]
        if len(bad) > _SHOWN:
            lines.append(f"  and {len(bad) - _SHOWN} more")
        example = {bad[0]: self._guess(texts[bad[0]])}
        return "\n".join(
            [
                f"the network does not know {len(bad)} of the {len(found)} classes of the images:",
                *lines,
                f"its classes are {_listed(self.names)}",
                f"say which are meant in a class map, as in data.class_map: {example}, or leave "
                "them out, by data.classes",
            ]
        )

    def _guess(self, text: str) -> str | int:
        """A class that ``text`` might mean."""
        could_be = self.look_up(text)
        return could_be[0] if could_be else (close_names(text, self._known()) or self.names)[0]

    def _explain_one(self, name: str, text: str, indices: Sequence[int]) -> str:
        mapped = "" if name == text else f" mapped to {text!r}"
        if indices:
            return f"  {name!r}{mapped} could be class {' or '.join(map(str, indices))}"
        close = close_names(text, self._known())
        hint = f": did you mean {' or '.join(map(repr, close))}?" if close else ""
        return f"  {name!r}{mapped}{hint}"


def resolve_labels(manifest: pd.DataFrame, known: ClassMap) -> pd.DataFrame:
    """The manifest's rows with ``label`` and ``class_name`` as the network has them.

    Raises DataError that lists the classes which the network does not know.
    """
    indices = known.find_all({name: name for name in class_names(manifest)})
    labels = [indices[str(name)] for name in manifest[CLASS_NAME]]
    return manifest.assign(label=labels, class_name=[known.names[label] for label in labels])


@cache
def _imagenet(count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Synsets and descriptions, as in "tabby, tabby cat", of the ImageNet set of this size."""
    subset = infer_imagenet_subset({"num_classes": count})
    if subset is None:
        return (), ()
    info = ImageNetInfo(subset)
    return tuple(info.label_names()), tuple(info.label_descriptions())


def _are_alike(names: Sequence[str], synsets: Sequence[str], descriptions: Sequence[str]) -> bool:
    """Whether these are the names of the classes that ImageNet has in their place."""
    if len(names) != len(synsets):
        return False
    rows = zip(names, synsets, descriptions, strict=True)
    same = sum(name == synset or _plain(name) in _aliases(text) for name, synset, text in rows)
    return same >= _SAME_NAMES * len(names)


def _aliases(description: str) -> set[str]:
    """Every name in a description, and the description as a whole."""
    return {_plain(name) for name in (description, *description.split(","))}


def _places(named: Iterable[tuple[int, str]]) -> Places:
    places: dict[str, tuple[int, ...]] = {}
    for index, name in named:
        if index not in places.get(name, ()):
            places[name] = (*places.get(name, ()), index)
    return places


def _refuse_equal(indices: Mapping[str, int], names: Sequence[str]) -> None:
    first: dict[int, str] = {}
    lines = []
    for text, index in indices.items():
        other = first.setdefault(index, text)
        if other != text:
            lines.append(f"  {other!r} and {text!r} are both class {index} ({names[index]!r})")
    if lines:
        raise DataError(
            "some classes of the images are one class of the network:\n" + "\n".join(lines)
        )


def _listed(names: Sequence[str]) -> str:
    more = f", ... ({len(names)} in all)" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, names[:_SHOWN])) + more


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", " ").replace("-", " ")
