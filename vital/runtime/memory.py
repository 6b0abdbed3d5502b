"""How much memory this process has used, and what to say when there is no more."""

from __future__ import annotations

import re
import sys
from pathlib import Path

_AMOUNT = re.compile(r"allocate ([0-9.]+ ?(?:[KMGT]iB|bytes))")

STATUS = Path("/proc/self/status")


def peak_memory() -> int:
    """The most memory that this process has held at once, in bytes.

    On Linux from the process's own record: the figure of getrusage survives exec there, so a child
    of a large process would report its parent's.
    """
    if STATUS.exists():
        fields = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) * 1024
    import resource  # not on all systems

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that the machine's memory or a device's is used up."""
    if isinstance(error, MemoryError):
        return True
    # What torch raises has no type of its own on the CPU.
    words = ("out of memory", "can't allocate memory")
    return isinstance(error, RuntimeError) and any(part in str(error) for part in words)


def explain_memory_error(error: BaseException) -> str:
    """One line for an error of which :func:`is_out_of_memory` holds."""
    asked = _AMOUNT.search(str(error))  # the rest of torch's message is advice of its own
    return (
        "memory is used up; what is finished is kept: lower `batch` in the stage's block of "
        "params.yaml, or free some, and run again"
        + (f" ({asked[1]} more were asked for)" if asked else "")
    )
