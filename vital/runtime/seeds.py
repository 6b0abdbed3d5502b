"""Every random draw comes from the run's seed and a name, so that streams never coincide."""

from __future__ import annotations

import hashlib


def derive_seed(seed: int, *names: str | int) -> int:
    """A 63-bit seed for one purpose, from the run's ``seed`` and the purpose's ``names``.

    Different names give independent streams, and a stream never depends on what else is drawn.
    """
    text = "\x1f".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
