"""The name of the method under study; the others are its peers."""

from __future__ import annotations

STUDIED = "vital"
"""The method that the block ``visualize`` describes; that of each peer is below ``peers``."""
