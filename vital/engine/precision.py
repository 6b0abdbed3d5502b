"""In which number format the network is run while images are made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from vital.methods.objectives import Objective
from vital.params.visualize import Precision


@contextmanager
def gpu_arithmetic(precision: Precision) -> Iterator[None]:
    """Let a GPU choose its fastest convolutions, and multiply in TF32 unless in ``float32``."""
    reduced = precision != "float32"
    matmul = torch.backends.cuda.matmul
    before = matmul.allow_tf32
    with torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=reduced):
        matmul.allow_tf32 = reduced
        try:
            yield
        finally:
            matmul.allow_tf32 = before


def in_precision(objective: Objective, precision: Precision, device: torch.device) -> Objective:
    """The objective, its convolutions and matrix products in this precision."""
    if precision != "bfloat16":
        return objective

    def reduced(shown: torch.Tensor, step: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            return objective(shown, step)

    return reduced
