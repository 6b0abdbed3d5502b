"""Drawing: which images are taken, in any order of reading, and what replaces the broken ones."""

from __future__ import annotations

import hashlib
import tracemalloc
import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import chi2

from helpers.own_images import encoded, noise
from vital.images.sampling import Reservoir, Sample, sample_any, sample_images
from vital.images.sources.base import Candidate, IndexedPool, Pool, StreamedPool

BROKEN = b"no image"


@cache
def content(number: int) -> bytes:
    return encoded(noise(number, width=2, height=2))


def candidate(number: int, data: bytes | None = None) -> Candidate:
    kept = content(number) if data is None else data
    return Candidate(f"file {number}", lambda: kept)


def indexed(names: Sequence[str], broken: frozenset[int] = frozenset()) -> IndexedPool:
    members: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        members.setdefault(name, []).append(number)
    return IndexedPool(members, lambda n: candidate(n, BROKEN if n in broken else None))


def streamed(names: Sequence[str], broken: frozenset[int] = frozenset()) -> StreamedPool:
    pool = indexed(names, broken)
    return StreamedPool(lambda: ((name, pool.candidate(n)) for n, name in enumerate(names)))


def origins(sample: Sample) -> dict[str, list[str]]:
    return {
        one.class_name: [image.candidate.origin for image in one.images] for one in sample.classes
    }


def skipped(sample: Sample) -> dict[str, list[str]]:
    return {one.class_name: [gone.origin for gone in one.skipped] for one in sample.classes}


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([None, BROKEN, 0, 1, 2, 3, 4, 5]), max_size=14),
    st.integers(1, 6),
    st.randoms(use_true_random=False),
)
def test_a_selection_is_what_its_definition_says(
    items: list[bytes | int | None], size: int, random: Random
) -> None:
    """Items are broken, or one of six images, of which some are offered several times."""
    numbered = [content(100 + i) if item is None else item for i, item in enumerate(items)]
    data = [item if isinstance(item, bytes) else content(item) for item in numbered]
    keys = random.sample(range(len(data)), len(data))
    expected: list[int] = []
    passed_over: list[int] = []
    for place in sorted(range(len(data)), key=keys.__getitem__):
        if len(expected) == size:
            break
        is_new = all(data[place] != data[other] for other in expected)
        (expected if is_new and data[place] != BROKEN else passed_over).append(place)
    offered = list(range(len(data)))
    random.shuffle(offered)
    selection = Reservoir(size)
    for place in offered:
        selection.offer(keys[place], candidate(place, data[place]))
    assert [one.candidate.origin for one in selection.images] == [f"file {p}" for p in expected]
    assert [one.origin for one in selection.skipped] == [f"file {p}" for p in passed_over]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from("ab"), min_size=1, max_size=30),
    st.frozensets(st.integers(0, 29), max_size=6),
    st.integers(1, 5),
    st.integers(0, 1000),
)
def test_a_stream_gives_the_draw_of_a_pool_in_the_same_order(
    names: list[str], broken: frozenset[int], count: int, seed: int
) -> None:
    pools = indexed(names, broken), streamed(names, broken)
    one, other = (sample_images(pool, count, seed, "test") for pool in pools)
    assert one.counts == other.counts == Counter(names)
    assert origins(one) == origins(other)
    one, other = (sample_images(pool, count, seed, "test") for pool in pools)
    assert skipped(one) == skipped(other)


@pytest.mark.parametrize("pool", [indexed, streamed])
def test_images_of_any_class_are_those_of_a_pool_that_has_one(
    pool: Callable[..., Pool], caplog: pytest.LogCaptureFixture
) -> None:
    """Whichever classes its images are of, and without a word of those that are broken."""
    broken = frozenset({2, 5})
    (expected,) = sample_images(indexed([""] * 12, broken), 4, 7, "test").classes
    caplog.clear()
    drawn = sample_any(pool([*"abbacbacabca"], broken), 4, 7, "test")
    assert [one.origin for one in drawn] == [one.candidate.origin for one in expected.images]
    assert [one.read() for one in drawn] == [one.candidate.read() for one in expected.images]
    assert not caplog.records


@pytest.mark.parametrize("pool", [indexed, streamed])
def test_every_image_is_equally_likely(pool: object) -> None:
    seeds, count, names = 600, 3, ["a"] * 10
    hits = Counter(
        origin
        for seed in range(seeds)
        for origin in origins(sample_images(pool(names), count, seed, "test"))["a"]
    )
    expected = seeds * count / len(names)
    # Draws without replacement vary less than a multinomial, by (n - k) / (n - 1).
    shrunk = (len(names) - count) / (len(names) - 1)
    statistic = sum((hits[f"file {n}"] - expected) ** 2 / expected for n in range(10)) / shrunk
    assert chi2.ppf(1e-6, 9) < statistic < chi2.ppf(1 - 1e-6, 9)


def test_a_larger_draw_begins_with_the_smaller() -> None:
    small, large = (origins(sample_images(indexed(["a"] * 20), n, 5, "test"))["a"] for n in (4, 11))
    assert large[:4] == small


def test_a_class_is_drawn_alike_whatever_the_others() -> None:
    alone = streamed(["a"] * 9)
    among = StreamedPool(lambda: _between(alone.stream()))
    one, other = (origins(sample_images(pool, 3, 0, "t"))["a"] for pool in (among, alone))
    assert one == other


def _between(stream: Iterator[tuple[str, Candidate]]) -> Iterator[tuple[str, Candidate]]:
    for number, item in enumerate(stream):
        yield "other", candidate(50 + number)
        yield item


def test_seed_and_purpose_change_the_draw() -> None:
    pool = indexed(["a"] * 30)
    draws = [
        origins(sample_images(pool, 10, seed, purpose))["a"]
        for seed, purpose in ((0, "x"), (1, "x"), (0, "y"), (0, "x"))
    ]
    assert draws[0] == draws[3]
    assert draws[0] != draws[1]
    assert draws[0] != draws[2]


def test_classes_that_are_not_wanted_are_counted_and_not_read() -> None:
    def unread() -> bytes:
        raise AssertionError("read")

    names = ["a", "b", "a"]
    pool = StreamedPool(lambda: ((name, Candidate("x", unread)) for name in names))
    draw = sample_images(pool, 2, 0, "test", lambda name: name == "c")
    assert draw.counts == {"a": 2, "b": 1}
    assert list(draw.classes) == []


def test_a_stream_keeps_no_more_than_it_draws() -> None:
    alive: weakref.WeakSet[Candidate] = weakref.WeakSet()
    most = 0

    def stream() -> Iterator[tuple[str, Candidate]]:
        nonlocal most
        for number in range(200):
            one = candidate(number)
            alive.add(one)
            yield "ab"[number % 2], one
            del one
            most = max(most, len(alive))

    draw = sample_images(StreamedPool(stream), 5, 0, "test")
    assert all(len(drawn.images) == 5 for drawn in draw.classes)
    assert most <= 2 * 5 + 2  # those in hand included


@pytest.mark.parametrize("kind", ["indexed", "streamed"])
def test_memory_does_not_grow_with_the_sample(kind: str) -> None:
    """Content is made when it is asked for, 100 kB each time, and counted while it lives."""
    pixels = np.random.default_rng(0).integers(0, 255, (180, 180, 3), np.uint8)

    def read(number: int) -> bytes:
        pixels[0, 0] = number % 256, number // 256, 0
        return encoded(Image.fromarray(pixels), "BMP")

    def one(number: int) -> Candidate:
        content = read(number) if kind == "streamed" else None
        return Candidate(f"file {number}", lambda: content or read(number))

    def most(count: int) -> int:
        members = {"a": range(count)}
        pool: Pool = IndexedPool(members, one)
        if kind == "streamed":
            pool = StreamedPool(lambda: (("a", one(number)) for number in range(count)))
        tracemalloc.start()
        (drawn,) = sample_images(pool, count, 0, "test").classes
        assert (
            len({hashlib.sha256(image.candidate.read()).digest() for image in drawn.images})
            == count
        )
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    most(2)
    assert most(60) < most(4) + 10 * 100_000


def test_images_with_equal_content_are_taken_once(caplog: pytest.LogCaptureFixture) -> None:
    pool = IndexedPool({"a": range(6)}, lambda n: candidate(n, content(n % 3)))
    (drawn,) = sample_images(pool, 6, 0, "test").classes
    assert len({image.sha256 for image in drawn.images}) == len(drawn.images) == 3
    assert [one.reason.startswith("the same image as file") for one in drawn.skipped] == [True] * 3
    assert len([line for line in caplog.messages if "is left out: the same image" in line]) == 3
