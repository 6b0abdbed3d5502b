"""Errors that are the user's to mend: shown as one message, without a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class VitalError(Exception):
    """Something in the parameters, the files or the surroundings must be changed by the user."""


class ParamsError(VitalError):
    """A parameter is unknown or has a value that cannot be used."""


class DataError(VitalError):
    """Images, folders or manifests are missing, empty or unreadable."""


class ModelError(VitalError):
    """A network cannot be built, loaded or read at the asked tap."""


class ArtefactError(VitalError):
    """A file written by another stage is missing, damaged or of another version."""


class Interrupted(KeyboardInterrupt):
    """Somebody asked the work to end; ``number`` is the signal's, 0 where it was none."""

    def __init__(self, message: str, number: int = 0) -> None:
        super().__init__(message)
        self.number = number


def close_names(name: str, legal: Iterable[str], limit: int = 4) -> list[str]:
    """The legal names that look most like ``name``, the likest first; perhaps none."""
    return difflib.get_close_matches(name, list(legal), n=limit, cutoff=0.5)


def nearest(name: str, legal: Iterable[str], limit: int = 4) -> str:
    """Say which legal names come closest to ``name``, for the end of an error message."""
    names = [str(item) for item in legal]
    close = close_names(name, names, limit)
    if close:
        return "did you mean " + " or ".join(repr(item) for item in close) + "?"
    shown = ", ".join(repr(item) for item in names[:20])
    more = f", ... ({len(names)} in all)" if len(names) > 20 else ""
    return f"legal here: {shown}{more}"


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type where it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
