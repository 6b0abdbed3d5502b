"""Errors that are the user's to mend: shown as one message, without a traceback."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable


class VitalError(Exception):
    """Something in the parameters, the files or the surroundings must be changed by the user."""

    def __str__(self) -> str:
        """The message; what a terminal would not show, or obey, is written out."""
        return "".join(map(_legible, super().__str__()))


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


def _legible(character: str) -> str:
    if character.isprintable() or character == "\n":
        return character
    return character.encode("unicode_escape").decode()


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


def listed(names: Iterable[object], limit: int = 3) -> str:
    """The first of some names, and how many more there are."""
    every = [repr(name) for name in names]
    shown, more = every[:limit], len(every) - limit
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


_SENTENCE_END = re.compile(r"(?<!\be\.g)(?<!\bi\.e)[.!?]\s+(?=[A-Z])")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def first_line(error: BaseException, limit: int = 300) -> str:
    """What an error's message says first, on one line; its type where it has no message.

    That is its first sentence, as later ones tell what to do elsewhere. It goes on over a line's
    end where the line ends amid it, and is cut between words where it is longer than ``limit``.
    """
    lines = [line.strip() for line in _COLOUR.sub("", str(error)).strip().splitlines()]
    text = lines[0] if lines else type(error).__name__
    for line in lines[1:]:
        if not line or not (text.endswith((":", ",", ";")) or line[0].islower()):
            break
        text = f"{text} {line}"
    sentence = " ".join(_SENTENCE_END.split(text)[0].split()).rstrip(".:,;")
    if len(sentence) <= limit:
        return sentence
    return sentence[:limit].rsplit(" ", 1)[0] + " ..."
