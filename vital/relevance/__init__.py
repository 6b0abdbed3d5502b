"""Relevance of what a network computes for one of its units, by layer-wise relevance propagation.

``with RelevanceReader(network, taps, composite("vital")) as read:`` then ``read(images, starts)``
gives activations and relevance at every tap; :mod:`vital.relevance.masks` turns these into the
masks and the importance that weigh the loss of inner units (paper section 4).
"""

from vital.relevance.composites import (
    COMPOSITES,
    Composite,
    canonical_composite,
    composite,
    guided_composite,
    vital_composite,
)
from vital.relevance.masks import channel_importance, position_masks, shared_over_colours
from vital.relevance.reader import Reading, RelevanceReader
from vital.relevance.shares import class_shares
from vital.relevance.starts import (
    ChannelStart,
    DirectionStart,
    PositionStart,
    Start,
    class_start,
)

__all__ = [
    "COMPOSITES",
    "ChannelStart",
    "Composite",
    "DirectionStart",
    "PositionStart",
    "Reading",
    "RelevanceReader",
    "Start",
    "canonical_composite",
    "channel_importance",
    "class_shares",
    "class_start",
    "composite",
    "guided_composite",
    "position_masks",
    "shared_over_colours",
    "vital_composite",
]
