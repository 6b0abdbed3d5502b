"""Settings of a process hold while they are wanted, and are then as they were."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from vital.runtime.process_state import ProcessState


class Process:
    """A setting that a whole process shares."""

    def __init__(self) -> None:
        self.value = "caller's"
        self.state = ProcessState(lambda: self.value, self._write)

    def _write(self, value: str) -> None:
        self.value = value


def test_it_holds_within_and_comes_back_after_errors_too() -> None:
    process = Process()
    with pytest.raises(ValueError, match="failed"), process.state.holding("ours"):
        assert process.value == "ours"
        raise ValueError("failed")
    assert process.value == "caller's"


def test_the_inner_of_two_holds_then_the_outer() -> None:
    process = Process()
    with process.state.holding("outer"):
        with process.state.holding("inner"):
            assert process.value == "inner"
        assert process.value == "outer"
        process.value = "somebody else's"
        with process.state.holding("outer"):
            assert process.value == "outer"
    assert process.value == "caller's"


def test_threads_that_want_the_same_run_side_by_side() -> None:
    process, both = Process(), threading.Barrier(2, timeout=30)

    def work(_: int) -> str:
        with process.state.holding("ours"):
            both.wait()  # which would not end if one waited for the other
            return process.value

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, range(2))) == ["ours", "ours"]
    assert process.value == "caller's"


def test_threads_that_want_different_ones_take_turns() -> None:
    process = Process()

    def work(number: int) -> bool:
        wanted = str(number % 2)
        seen = []
        for _ in range(200):
            with process.state.holding("outer"), process.state.holding(wanted):
                seen.append(process.value == wanted)
            with process.state.holding(wanted):
                seen.append(process.value == wanted)
        return all(seen)

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert process.value == "caller's"


def test_a_signal_while_waiting_leaves_nothing_held() -> None:
    process, held, done = Process(), threading.Event(), threading.Event()

    def other() -> None:
        with process.state.holding("theirs"):
            held.set()
            done.wait(30)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(other)
        held.wait(30)
        process.state._changed.wait = interrupt  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt), process.state.holding("ours"):
            pass
        assert process.value == "theirs"
        done.set()
        running.result()
    assert process.value == "caller's"
