"""Heat maps of patches."""

from __future__ import annotations

import torch

from vital.references.heat_maps import heat_maps


def test_heat_maps_show_positive_relevance_only() -> None:
    relevance = torch.zeros(1, 3, 16)
    relevance[0, :, 3] = 1.0
    relevance[0, 1, 5] = -4.0
    (heat,) = heat_maps(relevance, (4, 4))
    assert heat[0, 3] == 1.0
    assert heat.sum() == 1.0
