"""Parameters as plain data: what JSON can hold, nothing turned into something else on the way."""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from vital.errors import ParamsError
from vital.params.explain import without_lengths

MOST_VALUES = 1_000_000
"""An alias in YAML can stand for as many values as one likes, in a few lines."""

MOST_LEVELS = 50
"""Also what ends the walk through a list that holds itself."""

MOST_BITS = 1024
"""Of a whole number: the largest that a float can hold is shorter."""


def plain(values: Any, name: str) -> Any:
    """``values`` as dictionaries, lists, text, numbers, booleans and nothing.

    Tuples become lists, paths text, and other kinds of numbers Python's; a whole number that is a
    key becomes text. Raises ParamsError, with a line for each value that is of another kind.
    """
    walk = _Walk()
    found = walk.plain(values, (name,) if name else ())
    if walk.problems:
        raise ParamsError("\n".join(walk.problems))
    return found


class _Walk:
    """One walk through nested values, and what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._values = 0

    def plain(self, value: Any, place: tuple[str, ...]) -> Any:
        self._values += 1
        if self._values > MOST_VALUES:
            raise ParamsError(f"{place[0]} holds more than {MOST_VALUES} values")
        if len(place) > MOST_LEVELS:
            raise ParamsError(f"{'.'.join(place[:3])} is nested too deeply, or holds itself")
        if isinstance(value, Mapping):
            return {
                key: self.plain(value[own], (*place, key)) for own, key in self._keys(value, place)
            }
        if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
            return [self.plain(one, (*place, str(i))) for i, one in enumerate(value)]
        return self._single(value, place)

    def _keys(
        self, mapping: Mapping[Any, Any], place: tuple[str, ...]
    ) -> Iterator[tuple[Any, str]]:
        """Each key as it is and as text."""
        seen: set[str] = set()
        for own in mapping:
            if isinstance(own, bool) or not isinstance(own, str | int):
                self._refuse(place, f"has the key {own!r}, which must be text: put it in quotes")
                continue
            key = self._single(own, place) if isinstance(own, str) else str(own)
            if key in seen:
                self._refuse(place, f"has the key {key!r} twice, as text and as a number")
            seen.add(key)
            yield own, key

    def _single(self, value: Any, place: tuple[str, ...]) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str | Path):
            return self._text(os.fspath(value), place)
        if isinstance(value, Integral):
            return self._whole(int(value), place)
        if isinstance(value, Real):
            return self._number(float(value), place)
        if isinstance(value, datetime.date):
            return self._refuse(place, f"is a date in YAML, {value}: put it in quotes for text")
        return self._refuse(
            place, f"is of Python's kind {type(value).__name__}, which means nothing here"
        )

    def _text(self, text: str, place: tuple[str, ...]) -> str:
        if any("\ud800" <= character <= "\udfff" for character in text):
            self._refuse(place, f"is {text!r}, which is not valid Unicode")
        return text

    def _number(self, value: float, place: tuple[str, ...]) -> float:
        if not math.isfinite(value):
            self._refuse(place, f"is {value}, which cannot be used: it must be a finite number")
        return value

    def _whole(self, value: int, place: tuple[str, ...]) -> int:
        if value.bit_length() > MOST_BITS:
            self._refuse(place, f"is a number of {value.bit_length()} bits, which is too large")
            return 0
        return value

    def _refuse(self, place: tuple[str, ...], problem: str) -> None:
        self.problems.append(without_lengths(f"{'.'.join(place) or 'the block'} {problem}"))
