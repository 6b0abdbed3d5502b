"""Whether patches, pools and shifts fit into what the network sees."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from vital.networks.taps.reader import INPUT_TAP, tap_shapes
from vital.params.base import Block
from vital.params.studied_method import STUDIED
from vital.pipeline.checks.faults import told
from vital.pipeline.checks.run import Run
from vital.references.patches import check_patch
from vital.references.pooling import pooled_size


def check_patches(run: Run) -> Iterator[str]:
    """Whether patches of inner units are parts of an image."""
    if run.units.asks_for_any:
        yield from told("", lambda: check_patch(run.references, run.size))


def check_pools(run: Run) -> Iterator[str]:
    """Whether the network can be read at the size of pooled images."""
    pools = dict.fromkeys(run.extract.pools, "extract.pools")
    for name, pool in run.coarse_pools:
        pools.setdefault(pool, name)
    for pool, name in pools.items():
        yield from told(f"{name}: {pool}: ", partial(_check_pool, run, pool))


def _check_pool(run: Run, pool: int) -> None:
    size, network = pooled_size(run.size, pool), run.model.model.network
    read = {*run.taps, *(run.relevant_taps if run.units.asks_for_any else ())} - {INPUT_TAP}
    tap_shapes(network, [tap for tap in run.model.shapes if tap in read], size)


def check_jitter(run: Run) -> Iterator[str]:
    """Whether an image is shifted by less than its side, where the shift is stated."""
    side = min(run.size)
    blocks: dict[str, Block] = {"visualize": run.visualize}
    if run.units.asks_for_any:
        blocks["visualize.inner"] = run.visualize.inner
    blocks |= {f"peers.{name}": getattr(run.peers, name) for name in run.methods if name != STUDIED}
    for name, block in blocks.items():
        jitter = getattr(block, "jitter", None)
        # The default is for large images, and shifts a small one all the way round.
        if "jitter" in block.model_fields_set and jitter is not None and jitter >= side:
            yield (
                f"{name}.jitter: {jitter} pixels are no less than the side of the network's "
                f"images, {side}"
            )
