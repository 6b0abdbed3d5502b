"""In which number format the network is run while images are made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from vital.errors import ParamsError
from vital.methods.objectives import Objective
from vital.params.visualize import Precision
from vital.runtime.neutral_state import CUDNN_TF32, MATMUL, process_settings
from vital.runtime.processor import BFLOAT16_FLAGS, multiplies_bfloat16


def check_precision(precision: Precision, device: torch.device) -> None:
    """Raise ParamsError for ``bfloat16`` on a CPU that has no instructions for it."""
    if precision == "bfloat16" and device.type == "cpu" and not multiplies_bfloat16():
        raise ParamsError(
            "visualize.precision: bfloat16 needs a GPU, or a processor that multiplies it (one "
            f"whose flags hold {' or '.join(BFLOAT16_FLAGS)}); this one would be slower for it: "
            "leave it at tf32, or say float32"
        )


@contextmanager
def gpu_arithmetic(precision: Precision) -> Iterator[None]:
    """Let a GPU choose its fastest convolutions, and multiply in TF32 unless in ``float32``."""
    reduced = precision != "float32"
    multiplied = "tf32" if reduced else "ieee"
    with process_settings(
        {
            "cudnn.benchmark": True,
            CUDNN_TF32: reduced,
            MATMUL: "high" if reduced else "highest",
            "cudnn.conv.fp32_precision": multiplied,
            "cudnn.rnn.fp32_precision": multiplied,
            "cuda.matmul.fp32_precision": multiplied,
        }
    ):
        yield


def in_precision(objective: Objective, precision: Precision, device: torch.device) -> Objective:
    """The objective, its convolutions and matrix products in this precision."""
    if precision != "bfloat16":
        return objective

    def reduced(shown: torch.Tensor, step: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            return objective(shown, step)

    return reduced
