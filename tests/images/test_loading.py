"""Files are decoded ahead in threads: in their order, boundedly, and with nothing left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from vital.images.loading import decode_ahead, default_workers


@pytest.fixture(autouse=True)
def _leaves_no_thread() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_what_waits_is_bounded() -> None:
    """Without anybody to take them, no more are decoded than may wait."""
    started: list[int] = []
    enough = threading.Event()

    def decode(number: int) -> int:
        started.append(number)
        if len(started) == 8:
            enough.set()
        return number

    with closing(decode_ahead(decode, range(1000), ahead=7, workers=3)) as decoded:
        for taken in range(5):
            assert next(decoded) == taken
            if taken == 0:
                assert enough.wait(timeout=60)
            assert len(started) <= taken + 1 + 7


def test_images_are_decoded_side_by_side() -> None:
    """Each of three waits for the two others."""
    together = threading.Barrier(3)
    found = decode_ahead(lambda number: (together.wait(timeout=60), number)[1], range(9), 6, 3)
    assert list(found) == list(range(9))


@pytest.mark.parametrize("how", ["closed", "forgotten", "interrupted"])
def test_stopping_early_drops_what_waits(how: str) -> None:
    started: list[int] = []

    def decode(number: int) -> int:
        started.append(number)
        return number

    def take_two() -> None:
        decoded = decode_ahead(decode, range(1000), ahead=4, workers=2)
        assert [next(decoded), next(decoded)] == [0, 1]
        if how == "closed":
            decoded.close()
        if how == "interrupted":
            raise KeyboardInterrupt

    if how == "interrupted":
        with pytest.raises(KeyboardInterrupt):
            take_two()
    else:
        take_two()
    assert len(started) <= 6


def test_there_is_a_worker_at_least() -> None:
    assert 1 <= default_workers() <= 8
