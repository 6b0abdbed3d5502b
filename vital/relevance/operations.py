"""Autograd's operations through which a plain gradient already says where relevance goes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch.autograd.graph import Node


@dataclass(frozen=True)
class Allowed:
    """Operations that may stand without a rule.

    ``always``: wherever they are. ``linear``: where only one of their operands depends on the
    image, so that they are linear in it.
    """

    always: frozenset[str]
    linear: frozenset[str]

    def allows(self, node: Node) -> bool:
        """Whether this operation needs no rule."""
        name = operation(node)
        operands = sum(following is not None for following, _ in node.next_functions)
        return name in self.always or (name in self.linear and operands == 1)


def operation(node: Node) -> str:
    """The operation's name without autograd's ending: 'Mul' for MulBackward0."""
    return re.sub(r"Backward\d*$", "", str(node.name()))


def nodes_behind(result: torch.Tensor, stop: frozenset[Node]) -> Iterator[Node]:
    """The operations from ``result`` back to, and without, those in ``stop``."""
    seen = set(stop)
    waiting = [result.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen or operation(node).endswith("AccumulateGrad"):
            continue
        seen.add(node)
        yield node
        waiting.extend(following for following, _ in node.next_functions)


_MOVING = frozenset(
    {"Alias", "AsStrided", "Cat", "Clone", "ConstantPadNd", "Contiguous", "Expand", "Flip"}
    | {"Gather", "Index", "IndexSelect", "Narrow", "Permute", "PixelShuffle", "PixelUnshuffle"}
    | {"Repeat", "ReshapeAlias", "Roll", "Select", "Slice", "Split", "SplitWithSizes", "Squeeze"}
    | {"Stack", "T", "ToCopy", "Transpose", "Unbind", "Unfold", "UnsafeSplit", "UnsafeView"}
    | {"Unsqueeze", "View"}
)

STRUCTURAL = Allowed(always=_MOVING | {"Relu"}, linear=frozenset())
"""Where relevance itself flows: values are only moved, copied, or set to 0 with their relevance."""

_LINEAR = frozenset(
    {"Add", "AdaptiveAvgPool2D", "AvgPool2D", "CudnnBatchNorm", "Mean", "MiopenBatchNorm"}
    | {"MkldnnAdaptiveAvgPool2D", "NativeBatchNorm", "Neg", "ReflectionPad2D"}
    | {"ReplicationPad2D", "Sub", "Sum"}
    | {"UpsampleBicubic2D", "UpsampleBilinear2D", "UpsampleNearest2D"}
)

_PICKING = frozenset({"AdaptiveMaxPool2D", "Amax", "Max", "MaxPool2DWithIndices", "Relu"})

_PRODUCTS = frozenset(
    {"Addcmul", "Addmm", "Addmv", "Baddbmm", "Bmm", "Convolution", "Div", "Dot", "Linear", "Mm"}
    | {"Mul", "Mv"}
)

LINEAR = Allowed(always=_MOVING | _LINEAR | _PICKING, linear=_PRODUCTS)
"""Where gradient times activation is relevance: what is linear, or picks some of its inputs."""
