"""Which images of a source go into which split: the same number of every class, none twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from vital.artefacts.manifest import SPLITS
from vital.errors import DataError, ParamsError, nearest
from vital.images import photographs
from vital.images.files import encode_image
from vital.images.sampling import ClassSample, Skipped, sample_images
from vital.images.shelf import Shelf, ShelvedImage
from vital.images.sources import open_pool
from vital.images.sources.base import StreamedPool
from vital.params.data import PHOTOGRAPHS, DataParams
from vital.runtime.files import holds

_SHOWN = 10
"""How many classes or files a message names before it says how many more there are."""

_DRAWN_FIRST = tuple(reversed(SPLITS))
"""Train comes last, so that asking for more references leaves what they are judged by alone."""


@dataclass(frozen=True)
class PlacedImage:
    """An image with its class and split, its number there, and where it came from."""

    kept: ShelvedImage
    label: int
    class_name: str
    split: str
    number: int
    source: str


class DrawnImages:
    """The images that ``params`` ask for, class by class, on a shelf; iterate over it once.

    Labels count the classes in the source's order; ``skipped`` fills up with the class and the
    image of what could not be used. Raises, when iterated, ParamsError for a class that the source
    does not have, and DataError for one with too few images.
    """

    def __init__(self, params: DataParams, seed: int, shelf: Shelf) -> None:
        self.skipped: list[tuple[str, Skipped]] = []
        self._params = params
        self._seed = seed
        self._shelf = shelf

    def __iter__(self) -> Iterator[PlacedImage]:
        if self._params.kind == PHOTOGRAPHS:
            return self._cut_photographs()
        return self._draw_splits()

    def _cut_photographs(self) -> Iterator[PlacedImage]:
        names = choose_classes(self._params, photographs.PHOTOGRAPHS)
        counts = self._params.per_class.model_dump()
        side = cast("int", self._params.size)  # the block sees that it is there
        for crop in photographs.cut(list(names), counts, side, self._seed):
            kept = self._shelf.put(encode_image(crop.image, crop.source))
            name = names[crop.class_name]
            yield PlacedImage(kept, crop.label, name, crop.split, crop.number, crop.source)

    def _draw_splits(self) -> Iterator[PlacedImage]:
        names: dict[str, str] = {}
        labels: dict[str, int] = {}
        for split, counts in _pools(self._params).items():
            sample = sample_images(
                open_pool(self._params, split),
                sum(counts.values()),
                self._seed,
                f"images {split or ''}",
                labels.__contains__ if labels else self._params.is_asked_for,
                self._params.size,
                self._shelf,
            )
            names = names or choose_classes(self._params, sample.counts)
            labels = labels or {name: label for label, name in enumerate(names)}
            _check_counts({name: sample.counts.get(name, 0) for name in names}, counts, split)
            for one_class in sample.classes:
                self.skipped += [(one_class.class_name, one) for one in one_class.skipped]
                _check_readable(one_class, counts)
                label, name = labels[one_class.class_name], names[one_class.class_name]
                for place, image in zip(_places(counts), one_class.images, strict=True):
                    kept = cast("ShelvedImage", image.kept)  # as there is a shelf
                    yield PlacedImage(kept, label, name, *place, image.candidate.origin)


def choose_classes(params: DataParams, present: Mapping[str, object]) -> dict[str, str]:
    """The classes of a source that are asked for, in its order, and what the network calls them.

    Raises ParamsError for a class that is not there, and when two would have one name; DataError
    when there is none.
    """
    asked = {"classes": map(str, params.classes or ()), "class_map": params.class_map}
    unknown = [
        f"data.{key}: the source has no class {name!r}; {nearest(name, present)}"
        for key, names in asked.items()
        for name in names
        if name not in present
    ]
    if unknown:
        raise ParamsError("\n".join(unknown))
    chosen = {name: params.network_name(name) for name in present if params.is_asked_for(name)}
    if not chosen:
        raise DataError(f"the source {params.source!r} holds no images")
    _refuse_equal_names(chosen)
    return chosen


def listed_classes(params: DataParams, root: Path) -> dict[str, str] | None:
    """As :func:`choose_classes`, where a source's name or its folders tell; it lies in ``root``.

    None of any other source, and of one that is not here: only reading it could say. Raises
    DataError, too, for a folder that holds no classes, or not the split that is asked for.
    """
    if params.kind == PHOTOGRAPHS:
        return choose_classes(params, photographs.PHOTOGRAPHS)
    split = None if params.splits is None else params.splits.train
    folder = root / params.source
    if params.kind == "folder" and holds(folder.is_dir):
        from vital.images.sources.folders import folder_classes

        _, names = folder_classes(folder, split)
        return choose_classes(params, dict.fromkeys(names))
    from vital.images.sources.imagenette import imagenette_classes

    known = imagenette_classes(params, root, split)
    return None if known is None else choose_classes(params, dict.fromkeys(known))


def count_classes(params: DataParams) -> int:
    """How many classes a run with these images has, without reading any of them.

    Raises ParamsError when only reading them all could say.
    """
    if params.classes is not None:
        return len(params.classes)
    names = listed_classes(params, Path())
    if names is not None:
        return len(names)
    pool = open_pool(params, None if params.splits is None else params.splits.train)
    if isinstance(pool, StreamedPool):
        raise ParamsError(
            f"data.classes: name them; {params.source!r} has to be read to the end to know"
        )
    return len(pool.members)


def _refuse_equal_names(chosen: Mapping[str, str]) -> None:
    first: dict[str, str] = {}
    for name, given in chosen.items():
        other = first.setdefault(given, name)
        if other != name:
            raise ParamsError(f"data.class_map: {other!r} and {name!r} would both be {given!r}")


def _check_counts(there: Mapping[str, int], counts: Mapping[str, int], split: str | None) -> None:
    needed = sum(counts.values())
    short = {name: count for name, count in there.items() if count < needed}
    if short:
        where = "" if split is None else f" in the split {split!r}"
        lines = [f"  {name!r} has {count or 'no images'}" for name, count in short.items()]
        raise DataError(
            f"too few images{where}: data.per_class asks for {_sum(counts)} of each class, but\n"
            f"{_listed(lines)}\nask for fewer, or leave classes out (data.classes)"
        )


def _check_readable(one_class: ClassSample, counts: Mapping[str, int]) -> None:
    if len(one_class.images) < sum(counts.values()):
        lines = [f"  {one.origin}: {one.reason}" for one in one_class.skipped]
        raise DataError(
            f"class {one_class.class_name!r} has {one_class.available} images, of which "
            f"{len(one_class.images)} can be used, but data.per_class asks for {_sum(counts)}; "
            f"left out are\n{_listed(lines)}"
        )


def _places(counts: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """The split and the number there of each image of a class, in the order of the sample."""
    return ((split, number) for split, count in counts.items() for number in range(count))


def _pools(params: DataParams) -> dict[str | None, dict[str, int]]:
    """The source's own splits, that of ``train`` first, and how many images go where from each."""
    named = {} if params.splits is None else params.splits.model_dump()
    default = named.get("train")
    pools: dict[str | None, dict[str, int]] = {default: {}}
    for split in _DRAWN_FIRST:
        count = getattr(params.per_class, split)
        pools.setdefault(named.get(split) or default, {})[split] = count
    return pools


def _sum(counts: Mapping[str, int]) -> str:
    parts = " + ".join(f"{count} {split}" for split, count in counts.items())
    return f"{sum(counts.values())} ({parts})" if len(counts) > 1 else parts


def _listed(lines: Iterable[str]) -> str:
    lines = list(lines)
    more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([*lines[:_SHOWN], *more])
