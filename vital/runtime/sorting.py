"""Sorting on the CPU by NumPy, whose sort of numbers without their places is vectorised."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import torch


def sorted_values(values: torch.Tensor) -> torch.Tensor:
    """The values (..., D) sorted along the last dimension, as a new tensor."""
    if values.device.type != "cpu" or values.dtype not in (torch.float32, torch.float64):
        return torch.sort(values, dim=-1).values
    ordered = values.detach().clone(memory_format=torch.contiguous_format)
    sort_rows(ordered.view(-1, values.shape[-1]))
    return ordered


def sort_rows(rows: torch.Tensor) -> None:
    """Sort each of the rows (R, D) of a CPU's tensor in place, in as many threads as PyTorch's."""
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(_sort, rows.tensor_split(threads)))


def _sort(rows: torch.Tensor) -> None:
    rows.numpy().sort(axis=-1)
