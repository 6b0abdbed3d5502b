"""How a program ends: what is the user's to mend in one message, a bug with its traceback."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from vital.errors import Interrupted, VitalError, first_line
from vital.runtime.memory import explain_memory_error, is_out_of_memory

log = logging.getLogger(__name__)


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Let the program ``name`` end with exit code 1 and one message for what a user can mend.

    A signal ends it with the code that shells give to one. Other errors pass, with a line before
    their traceback.
    """
    try:
        yield
    except Interrupted as ended:
        log.error("%s: %s; what is finished is kept, run again to go on", name, ended)
        sys.exit(128 + ended.number)
    except Exception as error:
        reason = explain(error)
        if reason is None:
            log.error(
                "%s: this is a bug, please report it with all that follows (%s: %s)",
                name,
                type(error).__name__,
                first_line(error),
            )
            raise
        sys.exit(f"{name}: {reason}")


def explain(error: Exception) -> str | None:
    """What to tell a user of an error; None where only a programmer can mend it."""
    if isinstance(error, VitalError):
        return str(error)
    if is_out_of_memory(error):
        return explain_memory_error(error)
    if isinstance(error, OSError):
        from vital.runtime.files import explain_os_error  # which loads what reads tables

        return explain_os_error(error)
    if isinstance(error, UnicodeDecodeError):
        byte = error.object[error.start]
        return f"a text is not {error.encoding.upper()}: byte 0x{byte:02x} at {error.start}"
    if isinstance(error, RecursionError):
        return "something is nested too deeply, or holds itself: " + first_line(error)
    return None
