"""Small judges, as parameters name them."""

from __future__ import annotations

from vital.params.base import check_block
from vital.params.judges import JudgeParams, JudgesParams

NETWORK = {"name": "timm/resnet10t", "kwargs": {"channels": [8, 8, 8, 8]}}
TRAINED = {**NETWORK, "train": {"steps": 2, "batch": 4, "lr": 1.0e-3}}


def judges_of(*blocks: object) -> tuple[JudgeParams, ...]:
    """The judges of a block ``judges``."""
    return check_block(list(blocks), "judges", JudgesParams).root
