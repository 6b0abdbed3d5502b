"""Sample images of each class from a pool in a seeded order, replacing those that are no use.

Every image of a class has a random key, and the sample is the images with the smallest keys among
those that can be decoded. So a pool that can only be read once gives the same sample as one that
can be asked in any order, and a larger sample begins with the smaller one.
"""

from __future__ import annotations

import logging
import math
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from operator import attrgetter
from random import Random

from vital.images.files import EncodedImage, UndecodableImageError, encode_image
from vital.images.shelf import Shelf, ShelvedImage
from vital.images.sources.base import Candidate, IndexedPool, Pool, StreamedPool, natural_key
from vital.runtime.seeds import derive_seed

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SampledImage:
    """One image of a sample: where it came from and, if it was kept, its content as a file."""

    key: float
    candidate: Candidate
    sha256: str
    kept: ShelvedImage | None = None


@dataclass(frozen=True)
class Skipped:
    """An image that was drawn but not taken, and why."""

    key: float
    origin: str
    reason: str


class Reservoir:
    """The ``size`` images of smallest key among all that were offered and can be decoded.

    Of images with equal content only the one of smallest key counts, so that parts of a sample
    have no image in common. ``side`` is the length that short sides are shrunk to, if any. Contents
    are put on the shelf, or not kept at all without one: memory holds none.
    """

    def __init__(self, size: int, side: int | None = None, shelf: Shelf | None = None) -> None:
        self._size = size
        self._side = side
        self._shelf = shelf
        self._kept: list[SampledImage] = []
        self._by_content: dict[str, SampledImage] = {}
        self._skipped: list[Skipped] = []

    @property
    def is_full(self) -> bool:
        """Whether an image can only come in place of another."""
        return len(self._kept) == self._size

    @property
    def images(self) -> list[SampledImage]:
        """What was taken, by key."""
        return list(self._kept)

    @property
    def skipped(self) -> list[Skipped]:
        """What would have been taken otherwise, by key."""
        last = self._kept[-1].key if self.is_full and self._kept else math.inf
        return sorted((one for one in self._skipped if one.key < last), key=attrgetter("key"))

    def offer(self, key: float, candidate: Candidate) -> None:
        """Take the image if it belongs in the sample."""
        if self.is_full and key > self._kept[-1].key:
            return
        try:
            encoded = encode_image(candidate.read(), candidate.origin, self._side)
        except UndecodableImageError as error:
            self._skipped.append(Skipped(key, candidate.origin, error.reason))
            return
        if self._is_new(key, candidate, encoded.sha256):
            self._take(key, candidate, encoded)

    def _is_new(self, key: float, candidate: Candidate, sha256: str) -> bool:
        """Whether no twin of smaller key is there; a twin of larger key gives way."""
        twin = self._by_content.get(sha256)
        if twin is None:
            return True
        mine, its = (key, candidate.origin), (twin.key, twin.candidate.origin)
        first, second = sorted((mine, its))
        self._skipped.append(Skipped(*second, f"the same image as {first[1]}"))
        if first is mine:
            self._drop(twin)
        return first is mine

    def _take(self, key: float, candidate: Candidate, encoded: EncodedImage) -> None:
        kept = None
        if self._shelf is not None:
            kept = self._shelf.put(encoded)
            candidate = Candidate(candidate.origin, kept.read)
        image = SampledImage(key, candidate, encoded.sha256, kept)
        insort(self._kept, image, key=attrgetter("key"))
        self._by_content[image.sha256] = image
        for gone in self._kept[self._size :]:
            self._drop(gone)

    def _drop(self, image: SampledImage) -> None:
        self._kept.remove(image)
        del self._by_content[image.sha256]
        if image.kept is not None:
            image.kept.discard()


@dataclass(frozen=True)
class ClassSample:
    """The sample of one class; ``available`` counts its images, readable or not."""

    class_name: str
    available: int
    images: Sequence[SampledImage]
    skipped: Sequence[Skipped]


@dataclass(frozen=True)
class Sample:
    """A sample of every wanted class of a pool, one class after the other.

    ``counts`` says how many images, readable or not, there are of every class of the pool.
    """

    counts: Mapping[str, int]
    classes: Iterator[ClassSample]


def sample_images(
    pool: Pool,
    count: int,
    seed: int,
    purpose: str,
    is_wanted: Callable[[str], bool] = lambda _name: True,
    side: int | None = None,
    shelf: Shelf | None = None,
) -> Sample:
    """Draw up to ``count`` images of every class that is wanted.

    A class's sample depends on ``seed``, ``purpose``, the class's name and its own images only.
    What is drawn lies on the ``shelf``. Without one it is read again when it is asked for, unless
    the pool is a stream, which gives it once: then it lies on a shelf of its own.
    """
    if isinstance(pool, StreamedPool):
        drawn = partial(Reservoir, count, side, shelf or Shelf())
        return _sample_stream(pool, seed, purpose, is_wanted, drawn)
    counts = {name: len(places) for name, places in pool.members.items()}
    classes = (
        _sample_class(pool, name, _keys(seed, purpose, name), Reservoir(count, side, shelf))
        for name in counts
        if is_wanted(name)
    )
    return Sample(counts, classes)


def sample_any(pool: Pool, count: int, seed: int, purpose: str) -> list[Candidate]:
    """Draw up to ``count`` images of a pool, whatever their classes, in the order of their draws.

    Of what cannot be decoded nothing is said.
    """
    keys = _keys(seed, purpose, "")
    if isinstance(pool, StreamedPool):
        reservoir = Reservoir(count, shelf=Shelf())
        for _, candidate in pool.stream():
            reservoir.offer(next(keys), candidate)
    else:
        reservoir = Reservoir(count)
        _offer_all(pool, sorted(chain.from_iterable(pool.members.values())), keys, reservoir)
    return [image.candidate for image in reservoir.images]


def _sample_class(
    pool: IndexedPool, name: str, keys: Iterator[float], reservoir: Reservoir
) -> ClassSample:
    places = pool.members[name]
    _offer_all(pool, places, keys, reservoir)
    return _finish(name, len(places), reservoir)


def _offer_all(
    pool: IndexedPool, places: Sequence[int], keys: Iterator[float], reservoir: Reservoir
) -> None:
    for key, place in sorted((next(keys), place) for place in places):
        if reservoir.is_full:
            break
        reservoir.offer(key, pool.candidate(place))


def _sample_stream(
    pool: StreamedPool,
    seed: int,
    purpose: str,
    is_wanted: Callable[[str], bool],
    reservoir: Callable[[], Reservoir],
) -> Sample:
    counts: Counter[str] = Counter()
    keys: dict[str, Iterator[float]] = {}
    reservoirs: dict[str, Reservoir] = {}
    for name, candidate in pool.stream():
        if name not in counts and is_wanted(name):
            keys[name], reservoirs[name] = _keys(seed, purpose, name), reservoir()
        counts[name] += 1
        if name in reservoirs:
            reservoirs[name].offer(next(keys[name]), candidate)
    ordered = {name: counts[name] for name in sorted(counts, key=natural_key)}
    classes = (
        _finish(name, there, reservoirs[name])
        for name, there in ordered.items()
        if name in reservoirs
    )
    return Sample(ordered, classes)


def _keys(seed: int, purpose: str, name: str) -> Iterator[float]:
    draws = Random(derive_seed(seed, "draw", purpose, name))
    while True:
        yield draws.random()


def _finish(name: str, available: int, reservoir: Reservoir) -> ClassSample:
    sample = ClassSample(name, available, reservoir.images, reservoir.skipped)
    for one in sample.skipped:
        log.warning("%s is left out: %s", one.origin, one.reason)
    return sample
