"""Names of columns by which tables are joined; a table's own columns stand in its module."""

from __future__ import annotations

TAP = "tap"
"""A unit's tap; ``class`` for logits."""

UNIT = "unit"
"""A unit's index at its tap; in files of statistics its id, ``<tap>/<index>``."""

CHANNEL = "channel"
"""An inner unit's index at its tap."""

NAME = "name"
"""A unit's name for people."""

LABEL = "label"
"""A class's index."""

CLASS_NAME = "class_name"
"""A class's name for people."""

METHOD = "method"
"""The method that made an image."""

SEED = "seed"
"""A target's seed."""

IMAGE = "image"
"""A picture that a row is of: of a visualization, or the photograph that a patch is cut from."""

PATH = "path"
"""A picture, relative to the folder of its set."""

REFERENCE_SET = "reference_set"
"""Which of a unit's sets of reference images, from 0."""

SHA256 = "sha256"
"""A photograph's digest, of its bytes."""

RANK = "rank"
"""A place in an order, from 0 for the best."""

SHARE = "share"
"""A unit's part in the relevance of a class, 0 to 1 over all channels of its tap."""

PROBABILITY = "probability"
"""What the network under study gives the unit's class for an image, 0 to 1."""
