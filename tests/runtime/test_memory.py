"""The peak memory of a process is its own."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from vital.runtime.memory import explain_memory_error, peak_memory

MIB = 2**20


def test_the_peak_remembers_what_was_freed() -> None:
    before = peak_memory()
    size = before + 64 * MIB
    np.ones(size, np.uint8).sum()
    assert peak_memory() >= size


def test_a_small_child_of_a_large_process_reports_its_own() -> None:
    held = np.ones(300 * MIB, np.uint8)
    code = "from vital.runtime.memory import peak_memory; print(peak_memory())"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert 0 < int(done.stdout) < held.nbytes


def test_the_message_is_our_own() -> None:
    of_a_device = RuntimeError(
        "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79 GiB. "
        "If reserved but unallocated memory is large try setting PYTORCH_ALLOC_CONF"
    )
    said = explain_memory_error(of_a_device)
    assert said.endswith("and run again (20.00 GiB more were asked for)")
    assert explain_memory_error(MemoryError()).endswith("and run again")
