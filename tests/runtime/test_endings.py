"""What a user can mend ends in one message, a bug in its traceback."""

from __future__ import annotations

import errno
import logging
import os
import signal

import pytest

from vital.errors import DataError, Interrupted
from vital.runtime.endings import explained


def _not_utf8() -> None:
    b"caf\xe9".decode("utf-8")


def _endless() -> None:
    _endless()


def _raise(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("work", "expected"),
    [
        (lambda: _raise(DataError("no images\nat all")), "it: no images\nat all"),
        (lambda: _raise(OSError(errno.ELOOP, "Too many links", "a/b")), "it: a/b: Too many links"),
        (lambda: _raise(OSError(errno.ELOOP, "Too many links", b"a\xff")), "it: a\udcff: Too many"),
        (lambda: _raise(ConnectionRefusedError(111, "Connection refused")), "it: Connection ref"),
        (lambda: _raise(PermissionError(13, "Denied", "a")), "it: a cannot be read or written"),
        (lambda: _raise(MemoryError()), "it: memory is used up; what is finished is kept"),
        (_not_utf8, "it: a text is not UTF-8: byte 0xe9 at 3"),
        (_endless, "it: something is nested too deeply, or holds itself"),
    ],
)
def test_what_a_user_can_mend(work: object, expected: str) -> None:
    with pytest.raises(SystemExit) as caught, explained("it"):
        work()  # type: ignore[operator]
    assert str(caught.value.code).startswith(expected)


def test_a_signal_ends_with_its_code(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit) as caught, explained("it"):
        raise Interrupted("interrupted by SIGTERM", signal.SIGTERM)
    assert caught.value.code == 128 + signal.SIGTERM
    assert "it: interrupted by SIGTERM; what is finished is kept" in caplog.text


def test_a_bug_keeps_its_traceback_and_is_said_to_be_one(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(KeyError, match="lost"), explained("it"):
        raise KeyError("lost")
    (record,) = caplog.records
    assert record.getMessage() == (
        "it: this is a bug, please report it with all that follows (KeyError: 'lost')"
    )


def test_an_orderly_end_passes() -> None:
    with pytest.raises(SystemExit) as caught, explained("it"):
        raise SystemExit(3)
    assert caught.value.code == 3
    with explained("it"):
        os.getpid()
