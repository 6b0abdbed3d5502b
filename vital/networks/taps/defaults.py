"""Which five taps a network is read at by default: its first convolution, four along its depth."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TypeVar

from torch import nn

from vital.errors import ModelError
from vital.networks.config import named_modules
from vital.networks.taps.module_outputs import ModuleOutput, module_outputs

STAGES = 4
"""How many taps follow the first convolution."""

_ADAPTIVE = (nn.modules.pooling._AdaptiveAvgPoolNd, nn.modules.pooling._AdaptiveMaxPoolNd)
_FIXED = (nn.modules.pooling._AvgPoolNd, nn.modules.pooling._MaxPoolNd)

T = TypeVar("T")


def default_taps(network: nn.Module, size: tuple[int, int]) -> dict[str, float]:
    """Five taps by rule, each with weight 1, of a network in inference mode.

    The network is shown one image of (height, width) ``size``. Raises ModelError when it does not
    run on it, and as :func:`choose_taps` does.
    """
    return choose_taps(network, module_outputs(network, size))


def choose_taps(network: nn.Module, outputs: Sequence[ModuleOutput]) -> dict[str, float]:
    """Five taps by rule, each with weight 1, of all that can be read in a network.

    Where the network describes itself as timm's do, it is taken at its word: the first convolution
    of its ``default_cfg``, and the last four modules of its ``feature_info`` if their reductions
    differ, else four of them spread evenly. Of any other network it is the first convolution to
    run, and

    - the last module of depth 1 or 2 at each resolution, the last four of these; or, where all its
      maps have one resolution,
    - four blocks spread evenly over the longest run of siblings of one class; or, where it has two
      or three resolutions or no such run,
    - four modules spread evenly over those of depth 1 or 2.

    Raises ModelError for a network that has not as many.
    """
    readable = {one.tap for one in outputs}
    described = [name for name in named_modules(network, "first_conv") if name in readable]
    stem = described[0] if described else _first_convolution(outputs)
    stages = _described_stages(network, readable) or _stages_seen(network, outputs, stem)
    if stem is None or len({stem, *stages}) != 1 + STAGES:
        raise ModelError("no default taps are known for this network: name them (extract.taps)")
    return dict.fromkeys((stem, *stages), 1.0)


def _described_stages(network: nn.Module, readable: set[str]) -> list[str]:
    """Empty where the description is none, or names what does not run as a module."""
    info = getattr(network, "feature_info", None)
    rows = [row for row in info if isinstance(row, dict)] if isinstance(info, list | tuple) else []
    names = [str(row.get("module")) for row in rows]
    if len(set(names)) < max(STAGES, len(names)) or not set(names) <= readable:
        return []
    differ = len({row.get("reduction") for row in rows}) > 1
    return names[-STAGES:] if differ else _spread(names)


def _spread(items: Sequence[T]) -> list[T]:
    """Four of them: the first, those at one and two thirds, and the last."""
    count = len(items)
    return [items[i] for i in (0, count // 3, 2 * count // 3, count - 1)]


def _first_convolution(outputs: Sequence[ModuleOutput]) -> str | None:
    found = (one.tap for one in outputs if isinstance(one.module, nn.modules.conv._ConvNd))
    return next(found, None)


def _stages_seen(
    network: nn.Module, outputs: Sequence[ModuleOutput], stem: str | None
) -> list[str]:
    shallow = [one for one in _before_head(outputs) if one.depth <= 2 and one.tap != stem]
    by_resolution = _last_at_each_resolution(shallow)
    if len(by_resolution) >= STAGES:
        return by_resolution[-STAGES:]
    blocks = _longest_run(network, outputs) if len(by_resolution) <= 1 else []
    if len(blocks) < STAGES:
        blocks = [one.tap for one in shallow if not _inside(one, shallow)]
    return _spread(blocks) if len(blocks) >= STAGES else []


def _before_head(outputs: Sequence[ModuleOutput]) -> list[ModuleOutput]:
    """The maps and tokens of modules that run once, up to the pooling for the classifier."""
    pools = [i for i, one in enumerate(outputs) if one.depth <= 2 and _pools_for_head(one)]
    repeated = {one.name for one in outputs if one.run > 1}
    return [
        one
        for one in outputs[: pools[-1] if pools else None]
        if one.name not in repeated and (one.resolution or one.positions > 1)
    ]


def _pools_for_head(one: ModuleOutput) -> bool:
    whole = isinstance(one.module, _FIXED) and one.positions == 1
    return whole or isinstance(one.module, _ADAPTIVE)


def _last_at_each_resolution(shallow: Sequence[ModuleOutput]) -> list[str]:
    """In the order in which they run; what holds modules of several resolutions is no stage."""
    last: dict[tuple[int, int], ModuleOutput] = {}
    for one in shallow:
        inside = {other.resolution for other in _inside(one, shallow)}
        if one.resolution and len(inside) <= 1:
            last.pop(one.resolution, None)
            last[one.resolution] = one
    return [one.tap for one in last.values()]


def _inside(one: ModuleOutput, others: Sequence[ModuleOutput]) -> list[ModuleOutput]:
    return [other for other in others if other.name.startswith(f"{one.name}.")]


def _longest_run(network: nn.Module, outputs: Sequence[ModuleOutput]) -> list[str]:
    """The longest run of siblings of one class that all can be read."""
    readable = {one.name: one for one in outputs if one.run == 1}
    longest: list[str] = []
    for parent, module in network.named_modules():
        children = [
            (type(child), f"{parent}.{name}".lstrip(".")) for name, child in module.named_children()
        ]
        for _, siblings in groupby(children, key=lambda child: child[0]):
            names = [name for _, name in siblings]
            if len(names) > len(longest) and set(names) <= set(readable):
                longest = names
    return longest
