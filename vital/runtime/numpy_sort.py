"""Which of the processor's instructions NumPy sorts with.

Its sort for AVX-512 stores through an instruction that AMD's Zen 4 carries out in microcode, and
takes four times as long there as the one for AVX2. Sources: numpy/x86-simd-sort issue 6; AMD's
Software Optimization Guide for Zen 4, section 2.11.2.
"""

from __future__ import annotations

import os
import sys

from vital.runtime.processor import processor_facts, processor_flags, processor_text

VARIABLE = "NPY_DISABLE_CPU_FEATURES"
"""Read by NumPy, once, when it is loaded."""

AVX512 = "X86_V4 AVX512_ICL"
"""NumPy's names, since 2.4, for what Zen 4 has of AVX-512; earlier versions pass over them."""

_ZEN_3_AND_4 = "25"


def avoid_slow_sort() -> None:
    """Have NumPy sort without AVX-512 where that is slow, if it is not loaded yet.

    What the environment says already stays. Sorted values are the same either way.
    """
    if "numpy" not in sys.modules and VARIABLE not in os.environ and is_zen4(processor_text()):
        os.environ[VARIABLE] = AVX512


def is_zen4(processor: str) -> bool:
    """Whether the text of Linux's /proc/cpuinfo is that of an AMD Zen 4."""
    facts = processor_facts(processor)
    return (
        facts.get("vendor_id") == "AuthenticAMD"
        and facts.get("cpu family") == _ZEN_3_AND_4
        and "avx512f" in processor_flags(processor)  # which Zen 3 lacks
    )
