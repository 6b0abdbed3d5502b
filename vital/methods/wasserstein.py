"""Squared 2-Wasserstein distances of samples to quantile functions, with their gradient.

In one dimension the distance is that of the sorted sample to the quantiles, and its gradient is the
difference, brought back to the sample's own order. Both are known once the sample is sorted, so one
pass computes both and keeps a single tensor of the sample's size for the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from vital.runtime.sorting import sort_rows

_CHUNK = 1 << 20
"""Values sorted at a time on the CPU: large enough for few calls, small enough for the caches."""

_MAGNITUDE = 0x7FFFFFFF
_LOW_WORD = 0xFFFFFFFF

Write = Callable[[int, torch.Tensor, torch.Tensor], None]
"""Takes the first row, the sorted rows and their order, both (rows, D); they are overwritten."""


def squared_wasserstein(samples: torch.Tensor, quantiles: torch.Tensor) -> torch.Tensor:
    """Mean over the last dimension of ``(sort(samples) - quantiles)^2``, exactly.

    Shapes: ``samples`` and ``quantiles`` (..., D), of any floating type; returns (...) in the type
    of the quantiles. Gradients flow to the samples only, and only once. Where values of a sample
    are equal, the earlier one counts as the smaller.
    """
    distances: torch.Tensor = _SquaredWasserstein.apply(samples, quantiles)
    return distances


class _SquaredWasserstein(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, samples: torch.Tensor, quantiles: torch.Tensor
    ) -> torch.Tensor:
        rows = samples.detach().reshape(-1, samples.shape[-1])
        wanted = quantiles.detach().reshape(rows.shape)
        distances = wanted.new_empty(len(rows))
        kept = torch.empty_like(rows) if samples.requires_grad else None

        def write(first: int, ordered: torch.Tensor, order: torch.Tensor) -> None:
            part = slice(first, first + len(ordered))
            difference = ordered.sub_(wanted[part])
            norms = torch.linalg.vector_norm(difference, dim=-1)
            torch.div(norms.square_(), rows.shape[-1], out=distances[part])
            if kept is not None:
                kept[part].scatter_(-1, order, difference.to(kept.dtype))

        _sorted_rows(rows, wanted.dtype, write)
        if kept is not None:
            ctx.save_for_backward(kept.reshape(samples.shape))
        return distances.reshape(samples.shape[:-1])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: torch.autograd.function.FunctionCtx, outer: torch.Tensor
    ) -> tuple[torch.Tensor, None]:
        (difference,) = ctx.saved_tensors  # type: ignore[attr-defined]
        scale = outer.unsqueeze(-1) * (2 / difference.shape[-1])
        return difference * scale.to(difference.dtype), None


def _sorted_rows(rows: torch.Tensor, dtype: torch.dtype, write: Write) -> None:
    """Sort each of ``rows`` (R, D) and hand all to ``write``, in parts of whole rows.

    Shorter floating types are sorted as float32 where that is ``dtype``.
    """
    exact = torch.promote_types(rows.dtype, dtype)
    if rows.device.type == "cpu" and exact == dtype == torch.float32:
        _sort_by_keys(rows, write)
        return
    ordered, order = torch.sort(rows, dim=-1, stable=True)
    write(0, ordered.to(dtype), order)


def _sort_by_keys(rows: torch.Tensor, write: Write) -> None:
    """Sort (R, D) as float32, by whole numbers that hold a value in front and its place behind.

    Whole numbers without ties are what NumPy's vectorised sort is fastest at; with the place in the
    same number, values and order come out of it together, several times faster than torch.sort.
    """
    positions = rows.shape[-1]
    count = max(1, _CHUNK // positions)
    places = torch.arange(positions)
    buffer = torch.empty(min(count, len(rows)), positions, dtype=torch.int64)
    for first in range(0, len(rows), count):
        part = rows[first : first + count].to(torch.float32)
        keys = buffer[: len(part)]
        keys.copy_(_flip_negative(part.view(torch.int32)))
        keys.bitwise_left_shift_(32).bitwise_or_(places)
        sort_rows(keys)
        values = (keys >> 32).to(torch.int32)
        write(first, _flip_negative(values).view(torch.float32), keys.bitwise_and_(_LOW_WORD))


def _flip_negative(bits: torch.Tensor) -> torch.Tensor:
    """Bits of float32 to whole numbers in the same order, and back; both are int32."""
    return bits ^ ((bits >> 31) & _MAGNITUDE)
