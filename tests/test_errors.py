"""What is quoted of other libraries' errors."""

from __future__ import annotations

import pytest

from vital.errors import VitalError, first_line, listed


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", "ValueError"),
        ("cannot open it", "cannot open it"),
        ("It is closed. Please set weights_only=False.", "It is closed"),
        ("It failed, e.g. Linux cannot. Try more.", "It failed, e.g. Linux cannot"),
        ("the options are:\n  A\n  B", "the options are: A"),
        (
            "the file was moved\nwhile it was read\n\nTry again",
            "the file was moved while it was read",
        ),
        ("first\nSecond", "first"),
        ("\x1b[1mbold\x1b[0m words", "bold words"),
        ("version 1.5 of a.b is 3.x", "version 1.5 of a.b is 3.x"),
        ("a tab\tand  spaces", "a tab and spaces"),
    ],
)
def test_an_error_s_first_sentence_is_quoted_whole(message: str, expected: str) -> None:
    assert first_line(ValueError(message)) == expected


def test_a_long_sentence_is_cut_between_words() -> None:
    quoted = first_line(ValueError("word " * 100))
    assert len(quoted) <= 304
    assert quoted.endswith("word ...")


def test_names_are_listed_with_the_number_of_the_rest() -> None:
    assert listed([]) == ""
    assert listed(["a", "b"]) == "'a', 'b'"
    assert listed(range(5)) == "0, 1, 2 and 2 more"


def test_a_message_holds_nothing_that_a_terminal_obeys() -> None:
    assert str(VitalError("a \x1b[31mkey\r, \udc80")) == "a \\x1b[31mkey\\r, \\udc80"
    assert str(VitalError("naïve\nsecond line")) == "naïve\nsecond line"
