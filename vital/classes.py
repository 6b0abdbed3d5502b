"""Which class of a network a name means: resolved by a map, never by position."""

from __future__ import annotations

from collections.abc import Sequence

from timm.data import ImageNetInfo

from vital.errors import DataError, nearest

IMAGENET_CLASSES = 1000


def imagenet_names() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The synsets and the first plain name of the 1000 ImageNet classes, by index."""
    info = ImageNetInfo()
    synsets = tuple(info.index_to_label_name(i) for i in range(info.num_classes()))
    names = tuple(info.index_to_description(i).partition(",")[0] for i in range(len(synsets)))
    return synsets, names


class ClassMap:
    """Finds a class by its index, its name or, for ImageNet networks, its synset."""

    def __init__(self, names: Sequence[str], count: int) -> None:
        self.names = tuple(names)
        self._synsets: tuple[str, ...] = ()
        if not self.names and count == IMAGENET_CLASSES:
            self._synsets, self.names = imagenet_names()
        if not self.names:
            self.names = tuple(str(index) for index in range(count))

    def find(self, text: str) -> int:
        """The index of the class that ``text`` names.

        Raises DataError that lists the nearest candidates, or says that the name is not unique.
        """
        if text in self._synsets:
            return self._synsets.index(text)
        wanted = _plain(text)
        found = [index for index, name in enumerate(self.names) if _plain(name) == wanted]
        if len(found) > 1:
            raise DataError(f"class name {text!r} is not unique: indices {found}")
        if found:
            return found[0]
        if text.isdigit() and int(text) < len(self.names):
            return int(text)
        raise DataError(
            f"{text!r} is no class of the network; {nearest(text, (*self._synsets, *self.names))}"
        )


def _plain(name: str) -> str:
    return name.strip().lower().replace("_", " ").replace("-", " ")
