"""Who gets on is waited for, who does not is left behind."""

from __future__ import annotations

import hashlib
import threading
import time

import pytest

from vital.pipeline.tracking import patience
from vital.pipeline.tracking.patience import PatientClient, SilentError, in_time


def test_what_work_gives_and_raises_comes_through() -> None:
    assert in_time(lambda: 3, seconds=60) == 3
    assert in_time(lambda: None, seconds=60) is None
    with pytest.raises(ZeroDivisionError):
        in_time(lambda: 1 / 0, seconds=60)
    with pytest.raises(SystemExit):
        in_time(lambda: exit(3), seconds=60)


def test_work_that_waits_is_left_behind() -> None:
    end = threading.Event()
    with pytest.raises(SilentError, match=r"within 0\.1 s"):
        in_time(end.wait, seconds=0.1)
    assert not end.is_set()
    end.set()


def test_work_that_is_given_a_byte_now_and_then_only_waits() -> None:
    end = threading.Event()

    def trickle() -> None:
        while not end.wait(0.05):
            b"".join([b"a", b"byte"])

    with pytest.raises(SilentError):
        in_time(trickle, seconds=0.5)
    end.set()


@pytest.mark.skipif(not hasattr(time, "pthread_getcpuclockid"), reason="no clocks of threads")
def test_work_that_computes_is_waited_for() -> None:
    """As making a database's tables, however long it takes."""
    computed = 0.8

    def compute() -> str:
        began = time.thread_time()
        while time.thread_time() - began < computed:
            hashlib.sha256(bytes(10**6)).digest()
        return "made"

    assert in_time(compute, seconds=0.0) == "made"


def test_a_client_and_its_calls_end_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    class Client:
        def __init__(self) -> None:
            self.end = threading.Event()

        def add(self, one: int, *, other: int) -> int:
            return one + other

        def hang(self) -> None:
            self.end.wait()

    client = PatientClient(Client)
    assert client.add(1, other=2) == 3
    monkeypatch.setattr(patience, "PATIENCE", 0.1)
    with pytest.raises(SilentError):
        client.hang()
    with pytest.raises(SilentError):
        PatientClient(threading.Event().wait)
