"""Signals end the work where nothing is lost by it."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from vital.errors import Interrupted
from vital.runtime.signals import held_back, interruptible


def send(number: int) -> None:
    """Send this process a signal; Python handles it before the next line."""
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_interruptible_work(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted, match=number.name) as caught, interruptible():
        send(number)
        pytest.fail("went on")
    assert caught.value.number == number
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_held_back_until_the_end(number: signal.Signals) -> None:
    reached = []
    with pytest.raises(Interrupted, match=number.name), held_back() as stop:
        reached.append(stop())
        send(number)
        reached.append(stop())
    assert reached == [False, True]


def test_work_that_stops_itself_says_where() -> None:
    with pytest.raises(Interrupted) as caught, held_back():
        send(signal.SIGTERM)
        raise Interrupted("stopped after step 3")
    assert str(caught.value) == "interrupted by SIGTERM: stopped after step 3"
    assert caught.value.number == signal.SIGTERM


def test_a_second_ctrl_c_ends_at_once_a_second_sigterm_does_not() -> None:
    reached = []
    with pytest.raises(Interrupted), held_back():
        send(signal.SIGTERM)
        send(signal.SIGTERM)
        reached.append("after two SIGTERM")
        send(signal.SIGINT)
        reached.append("never")
    assert reached == ["after two SIGTERM"]


def test_an_error_is_not_hidden_by_a_signal() -> None:
    with pytest.raises(ValueError, match="wrong"), held_back():
        send(signal.SIGTERM)
        raise ValueError("wrong")


def test_on_other_threads_nothing_changes() -> None:
    found = []

    def work() -> None:
        with held_back() as stop:
            found.append(stop())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [False]
