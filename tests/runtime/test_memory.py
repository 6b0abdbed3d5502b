"""The peak memory of a process is its own."""

from __future__ import annotations

import subprocess
import sys

import numpy as np

from vital.runtime.memory import peak_memory

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
