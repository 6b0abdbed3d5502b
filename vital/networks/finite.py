"""Values that have to be numbers: what is computed of NaN looks like a result and is none."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from vital.errors import ModelError


def check_finite(values: torch.Tensor, what: str, images: Sequence[str]) -> None:
    """Raise ModelError that names the first of the ``images`` whose values (B, ...) are not finite.

    ``what`` says which values they are.
    """
    good = values.flatten(1).isfinite().all(dim=1)
    if not bool(good.all()):
        first = images[int(good.int().argmin())]
        more = len(good) - int(good.sum()) - 1
        others = f" and {more} more" if more else ""
        raise ModelError(f"{what} of {first}{others} are not finite (NaN or infinite)")


def check_logits(logits: torch.Tensor, images: Sequence[str], whose: str = "the network's") -> None:
    """As :func:`check_finite`, of logits (B, classes); a class may be excluded by -inf."""
    check_finite(logits.amax(dim=1, keepdim=True), f"{whose} logits", images)
