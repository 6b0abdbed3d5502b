"""What the processor says of itself: the first of those in the text of Linux's /proc/cpuinfo.

Read before NumPy and torch are loaded, too: see :mod:`vital.runtime.numpy_sort`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

BFLOAT16_FLAGS = ("amx_bf16", "avx512_bf16")
"""Of processors that multiply bfloat16, and sum the products in float32."""


def processor_text() -> str:
    """What Linux tells of all processors; nothing elsewhere."""
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def processor_facts(text: str) -> Mapping[str, str]:
    """What ``text`` says of each of its keys, such as ``vendor_id`` and ``flags``."""
    lines = (line.partition(":") for line in text.splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def processor_flags(text: str) -> frozenset[str]:
    """The names of the instructions that an x86 processor has."""
    return frozenset(processor_facts(text).get("flags", "").split())


def multiplies_bfloat16() -> bool:
    """Whether this machine's processor has instructions for it."""
    return not processor_flags(processor_text()).isdisjoint(BFLOAT16_FLAGS)
