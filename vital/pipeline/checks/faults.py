"""How checks tell what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from vital.errors import ParamsError, VitalError

T = TypeVar("T")


class UnknowableError(Exception):
    """What a check needs can only be seen in the images."""


def remembered(make: Callable[[Any], T]) -> T:
    """A property that is made once; if that fails, its error is raised every time."""
    name = f"_remembered_{make.__name__}"

    def get(self: Any) -> T:
        if name not in vars(self):
            try:
                vars(self)[name] = make(self), None
            except (VitalError, UnknowableError) as error:
                vars(self)[name] = None, error
        value, failure = vars(self)[name]
        if failure is not None:
            raise failure
        return value  # type: ignore[no-any-return]

    return property(get)  # type: ignore[return-value]


def told(prefix: str, *works: Callable[[], object]) -> Iterator[str]:
    """What is wrong, for each of ``works`` that raises; the prefix names the parameter."""
    for work in works:
        try:
            work()
        except VitalError as error:
            yield from (f"{prefix}{line}" for line in _lines(error))


def all_faults(checks: Iterable[Callable[[], Iterator[str]]]) -> list[str]:
    """The faults that the checks find, each once; one check's error does not end the others."""
    found: list[str] = []
    for check in checks:
        try:
            found.extend(check())
        except UnknowableError:
            continue
        except VitalError as error:
            found.extend(_lines(error))
    return list(dict.fromkeys(found))


def _lines(error: VitalError) -> list[str]:
    """ParamsError has a line for each fault; of other errors further lines belong to the first."""
    lines = [line.strip() for line in str(error).splitlines()]
    return lines if isinstance(error, ParamsError) else ["; ".join(lines).replace(":;", ":")]
