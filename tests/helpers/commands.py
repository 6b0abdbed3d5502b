"""The command line as a program of its own."""

from __future__ import annotations

import subprocess
import sys


def command(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run ``vital`` with arguments, with what it says captured."""
    line = [sys.executable, "-m", "vital.cli", *map(str, arguments)]
    return subprocess.run(line, check=False, capture_output=True, text=True, **options)
