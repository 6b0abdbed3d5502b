"""Shares of channels in a class's relevance."""

from __future__ import annotations

import pytest
import torch

from helpers.small_networks import lively_model
from vital.errors import ModelError
from vital.relevance import class_shares, composite


def test_shares_add_up_to_one_over_all_batches() -> None:
    network = lively_model(["layer2"]).network
    batches = torch.randn(2, 3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    shares = class_shares(network, "layer2", batches, 1, composite("vital"))
    assert float(shares.sum()) == pytest.approx(1.0)


@pytest.mark.parametrize(("factor", "named"), [(0.0, "is 0"), (torch.nan, "not finite")])
def test_nothing_has_no_shares(factor: float, named: str) -> None:
    network = lively_model(["layer2"]).network
    handle = network.layer2.register_forward_hook(lambda _m, _i, output: output * factor)
    try:
        with pytest.raises(ModelError, match=named):
            class_shares(network, "layer2", [torch.ones(1, 3, 32, 32)], 1, composite("vital"))
    finally:
        handle.remove()
