"""Whether a gradient leads from taps back to the image: without one, images stay noise."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn
from torch.autograd.graph import Node

from vital.errors import ModelError, VitalError
from vital.networks.probe import row_of_logits
from vital.networks.taps.reader import INPUT_TAP, TapReader
from vital.units import CLASS_TAP

_STEPS = ("Round", "Floor", "Ceil", "Trunc", "Sign", "Heaviside")
"""Operations whose gradient is zero everywhere, by how the names of their nodes begin."""


def without_gradient(what: str) -> ModelError:
    """The error of a tap, or another place in a network, that no gradient leads back from."""
    return ModelError(
        f"{what} has no gradient by the image: the network's forward pass cuts it off "
        "(torch.no_grad, inference_mode, detach, rounding or the like), so that nothing can be "
        "optimised or traced through it"
    )


def check_gradients(network: nn.Module, taps: Iterable[str], image: torch.Tensor) -> None:
    """Raise ModelError for the first tap that has no gradient by the image (1, 3, H, W).

    A gradient that is zero for this image, as behind a ReLU that is shut, is one; that of rounding
    is none. Raises ModelError, too, for a tap that gives something else than numbers. It takes a
    forward pass, another for the logits, and at most a backward pass for all taps together.
    """
    seen = image.detach().clone().requires_grad_(True)
    source = seen
    for tap, value in _values(network, list(taps), seen).items():
        top = value.flatten(1).amax(dim=1) if tap == CLASS_TAP else value
        if not bool(top.isfinite().all()):
            raise ModelError(f"tap {tap!r} gives values that are not finite (NaN or infinite)")
        # The way back to the tap before is enough where that has one itself.
        if not (_leads(tap, value, source) or _leads(tap, value, seen)):
            raise without_gradient(f"tap {tap!r}")
        source = value


def _values(network: nn.Module, taps: list[str], image: torch.Tensor) -> dict[str, torch.Tensor]:
    """What modules gave, in the order of running, then the logits if they are asked for."""
    inner = [tap for tap in taps if tap not in (INPUT_TAP, CLASS_TAP)]
    try:
        with torch.enable_grad():
            with TapReader(network, inner) as read:
                values = read.outputs(image)
            if CLASS_TAP in taps:
                values[CLASS_TAP] = row_of_logits(network(image))
    except VitalError:
        raise
    except Exception as error:  # a network may raise anything where it is not at home
        raise ModelError(
            f"the network does not run where a gradient by the image is asked for "
            f"({type(error).__name__}): it must compute with torch alone, and nothing in place on "
            "the image"
        ) from None
    return values


def _leads(tap: str, value: torch.Tensor, source: torch.Tensor) -> bool:
    if not value.requires_grad:
        return False
    try:
        (gradient,) = torch.autograd.grad(
            value, source, torch.ones_like(value), retain_graph=True, allow_unused=True
        )
    except Exception as error:  # somebody else's operation may raise anything
        raise ModelError(
            f"tap {tap!r}: its gradient by the image cannot be computed ({type(error).__name__}): "
            "the network changes in place what a gradient needs, or has an operation without one"
        ) from None
    if gradient is None:
        return False
    return bool(gradient.any()) or _smoothly(value, source)


def _smoothly(value: torch.Tensor, source: torch.Tensor) -> bool:
    """Whether a way leads back that passes through no step function."""
    ends = {source.grad_fn} if source.grad_fn is not None else None
    seen: set[Node] = set()
    waiting = [value.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen or node.name().startswith(_STEPS):
            continue
        if node in ends if ends is not None else getattr(node, "variable", None) is source:
            return True
        seen.add(node)
        waiting += [before for before, _ in node.next_functions]
    return False
