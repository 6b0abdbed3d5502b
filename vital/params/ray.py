"""Where a stage's work runs: a part of the blocks ``extract``, ``relevance`` and ``visualize``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from vital.params.base import Block, Natural, Text

Processors = Annotated[int, Field(gt=0, le=4096)]


class RayParams(Block):
    """How work runs on a Ray cluster, in Ray's terms.

    ``address`` is that of a cluster to join, ``auto`` or ``host:port``; null starts one on this
    machine for ``workers`` processes, and shuts it down at the end. Each task has so many ``gpus``
    (fractions share one) and computes with so many ``threads`` (null: as many as this process
    would), which are its CPUs; it is made again ``retries`` times if its worker dies.
    """

    address: Text | None = None
    workers: Processors = 2
    gpus: Annotated[float, Field(ge=0, le=4096)] = 0.0
    threads: Processors | None = None
    retries: Natural = 3


class PlacedParams(Block):
    """``engine`` says where a stage's work runs, which changes nothing."""

    engine: Literal["local", "ray"] = "local"
    ray: RayParams = RayParams()

    def facts(self) -> dict[str, Any]:
        """All parameters that can change a result, as plain data."""
        return self.model_dump(mode="json", exclude=set(PlacedParams.model_fields))
