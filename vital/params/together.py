"""What parameters of several blocks mean together: what cannot be, and what has no effect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vital.errors import ParamsError
from vital.params.base import read_block
from vital.params.extract import ExtractParams
from vital.params.methods import read_methods
from vital.params.ray import PlacedParams, RayParams
from vital.params.relevance import MaskParams, RelevanceParams
from vital.params.studied_method import STUDIED
from vital.params.units import UnitsParams
from vital.params.visualize import VisualizeParams

_PLACED: dict[str, type[PlacedParams]] = {
    "extract": ExtractParams,
    "relevance": RelevanceParams,
    "visualize": VisualizeParams,
}


def check_together(content: dict[str, Any]) -> None:
    """Check what one block needs of another, all blocks being legal by themselves.

    Raises ParamsError where a coarse phase has no statistics of equally pooled images.
    """
    pools = read_block(content, "extract", ExtractParams).pools
    problems = [
        f"{key}: {pool}, but no statistics are kept of images pooled by {pool}: "
        f"extract.pools must hold {pool}"
        for key, pool in coarse_pools(content)
        if pool not in pools
    ]
    if problems:
        raise ParamsError("\n".join(problems))


def without_effect(content: dict[str, Any]) -> dict[str, str]:
    """For each key that changes nothing beside others, why; all blocks are legal."""
    return {
        **_unused_places(content),
        **_unused_pools(content),
        **_unused_start(content),
        **_unused_settings(content),
    }


def coarse_pools(content: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """The pools of the studied method's coarse phases, by key."""
    if STUDIED not in read_methods(content):
        return
    visualize = read_block(content, "visualize", VisualizeParams)
    if visualize.coarse is not None:
        yield "visualize.coarse.pool", visualize.coarse.pool
    inner = visualize.inner.coarse
    if inner is not None and read_block(content, "units", UnitsParams).asks_for_any:
        yield "visualize.inner.coarse.pool", inner.pool


def _unused_places(content: dict[str, Any]) -> dict[str, str]:
    blocks = {name: read_block(content, name, kind) for name, kind in _PLACED.items()}
    return {
        f"{name}.ray": f"{name}.engine is local"
        for name, block in blocks.items()
        if block.engine == "local" and block.ray != RayParams()
    }


def _unused_pools(content: dict[str, Any]) -> dict[str, str]:
    used = {pool for _, pool in coarse_pools(content)}
    unused = [p for p in read_block(content, "extract", ExtractParams).pools if p not in used]
    named = ", ".join(map(str, unused))
    return {"extract.pools": f"no coarse phase uses images pooled by {named}"} if unused else {}


def _unused_start(content: dict[str, Any]) -> dict[str, str]:
    relevance = read_block(content, "relevance", RelevanceParams)
    if relevance.composite is None and relevance.start != MaskParams().start:
        return {"relevance.start": "relevance.composite is null, so every mask is one"}
    return {}


def _unused_settings(content: dict[str, Any]) -> dict[str, str]:
    if STUDIED not in read_methods(content):
        return {}
    with_inner = read_block(content, "units", UnitsParams).asks_for_any
    unused = read_block(content, "visualize", VisualizeParams).without_effect(with_inner)
    return {f"visualize.{key}": reason for key, reason in unused.items()}
