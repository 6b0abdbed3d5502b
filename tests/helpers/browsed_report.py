"""What the report opened in a browser shows: names that are hard to lay out, and plain ones."""

from __future__ import annotations

METHODS = ("vital", "activation", "maco")
CLASSES = (
    "brick wall",
    "Café <b>crème</b>",
    "a-rather-long-name-without-a-single-space-" * 3,
    *(f"plain {i}" for i in range(2, 14)),
)
UNITS = (("layer1", 3), ("<b>layer2</b>." + "with.many.parts." * 4 + "conv", 17), ("layer1", 9))
