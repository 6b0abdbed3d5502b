"""Reference images for a call without a pipeline: from any source, for each class of a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from vital.errors import DataError, ParamsError, nearest
from vital.images.sampling import ClassSample, Sample, sample_any, sample_images
from vital.images.sources import open_pool
from vital.images.sources.base import Candidate, Pool
from vital.images.sources.folders import class_folders, open_flat_folder
from vital.networks.classes import ClassMap
from vital.params.base import check_block
from vital.params.data import ReferenceParams
from vital.references.reference_sets import ReferenceSet, draw_sets
from vital.units import Unit

MOST_REFERENCES = 50
"""How many images of a class are averaged where the caller does not say (paper section 3)."""

MOST_MEASURED = 200
"""How many images of a source say what its images have in common as images."""

_PURPOSE = "references"


@dataclass(frozen=True)
class References:
    """The real images of each unit, and into how many sets they are dealt.

    Raises ParamsError where a unit has fewer images than sets.
    """

    images: Mapping[Unit, Sequence[Candidate]]
    sets: int = 1

    def __post_init__(self) -> None:
        for unit, candidates in self.images.items():
            if self.sets > len(candidates):
                raise ParamsError(
                    f"sets: {self.sets} are more than the {len(candidates)} references of unit "
                    f"{unit.name!r}"
                )

    def dealt(self, seed: int) -> Iterator[tuple[ReferenceSet, Sequence[Candidate]]]:
        """Each unit's sets in turn, with their images."""
        for unit, candidates in self.images.items():
            numbers = draw_sets(len(candidates), self.sets, seed, str(unit.index))
            for number in range(self.sets):
                members = [
                    one for one, its in zip(candidates, numbers, strict=True) if its == number
                ]
                yield ReferenceSet(unit.id, number), members


def reference_params(references: str | Path | Mapping[str, object]) -> ReferenceParams:
    """A source by name, or with what else there is to say of it; a Path is never a name.

    Raises ParamsError that names what cannot be used.
    """
    if isinstance(references, Path) and not references.is_absolute():
        references = f"./{references}"
    is_alone = isinstance(references, str | Path)
    values = {"source": str(references)} if is_alone else references
    return check_block(values, "references", ReferenceParams)


def draw_references(
    params: ReferenceParams,
    known: ClassMap,
    units: Sequence[str | int],
    per_class: int | None,
    seed: int,
) -> dict[int, tuple[Candidate, ...]]:
    """The images of each class in ``units``, or of every class of the source, by its index.

    There are ``per_class`` of each or, without that, all there are up to MOST_REFERENCES. A folder
    without subfolders stands for the one unit that is given. A file that cannot be decoded is
    reported and the next draw takes its place. Raises DataError when the network does not know a
    class, or a class has too few readable images; ParamsError when it cannot be said which unit a
    folder is for.
    """
    wanted = [known.find(str(unit)) for unit in units]
    count = MOST_REFERENCES if per_class is None else per_class
    folder = Path(params.source)
    if _is_flat(params):
        if len(wanted) != 1:
            raise ParamsError(f"{folder} has no subfolders: say which one unit it is for (units)")
        if params.class_map:
            raise ParamsError(f"class_map has no meaning for {folder}, which has no subfolders")
        sample = sample_images(open_source(params), count, seed, _PURPOSE)
        indices = {folder.name: wanted[0]}
    else:
        is_wanted = _among(wanted, params, known)
        sample = sample_images(open_source(params), count, seed, _PURPOSE, is_wanted)
        indices = _find_classes(params, sample, known, wanted)
    sets = {
        indices[one_class.class_name]: _candidates(one_class, params.source, per_class)
        for one_class in sample.classes
    }
    return dict(sorted(sets.items()))


def draw_measured_images(params: ReferenceParams, seed: int) -> list[Candidate]:
    """Up to MOST_MEASURED images of the source, of any class: the same whichever are shown."""
    return sample_any(open_source(params), MOST_MEASURED, seed, "measured images")


def open_source(params: ReferenceParams) -> Pool:
    """The images of a source, also of a folder without subfolders, which is one class."""
    if not _is_flat(params):
        return open_pool(params, params.split)
    folder = Path(params.source)
    return open_flat_folder(folder, folder.name)


def _is_flat(params: ReferenceParams) -> bool:
    """Whether the source is a folder without subfolders."""
    is_folder = params.kind == "folder" and params.split is None
    return is_folder and not class_folders(Path(params.source))


def _among(
    wanted: Sequence[int], params: ReferenceParams, known: ClassMap
) -> Callable[[str], bool]:
    """Whether a class of the source could be one of those that are wanted; all are if none is."""

    def is_wanted(name: str) -> bool:
        meant = known.look_up(params.network_name(name))
        return not wanted or not set(wanted).isdisjoint(meant)

    return is_wanted


def _find_classes(
    params: ReferenceParams, sample: Sample, known: ClassMap, wanted: Sequence[int]
) -> dict[str, int]:
    """The network's class for each of the source's, all wanted ones among them."""
    if not sample.counts:
        raise DataError(f"{params.source} holds no images")
    for name in params.class_map:
        if name not in sample.counts:
            raise ParamsError(f"class_map: no class {name!r}; {nearest(name, sample.counts)}")
    indices = known.find_all({name: params.network_name(name) for name in sample.counts})
    for index in wanted:
        if index not in indices.values():
            name = known.names[index]
            raise DataError(
                f"{params.source} has no images of unit {name!r}; {nearest(name, sample.counts)}"
            )
    return indices


def _candidates(one_class: ClassSample, source: str, asked: int | None) -> tuple[Candidate, ...]:
    """The images, by origin, if there are enough."""
    there = len(one_class.images)
    if there == 0 or (asked is not None and there < asked):
        more = f" ({len(one_class.skipped)} more cannot be used)" if one_class.skipped else ""
        but = f", but {asked} are asked for" if asked is not None else ""
        raise DataError(
            f"class {one_class.class_name!r} of {source} has {there or 'no'} readable "
            f"images{more}{but}"
        )
    candidates = [image.candidate for image in one_class.images]
    return tuple(sorted(candidates, key=attrgetter("origin")))
