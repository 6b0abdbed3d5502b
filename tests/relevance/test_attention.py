"""Attention written out against torch's own."""

from __future__ import annotations

import pytest
import torch

from vital.relevance.attention import Attention, attend


@pytest.mark.parametrize(
    "options", [{}, {"is_causal": True}, {"scale": 0.3}, {"mask": bool}, {"mask": float}]
)
def test_attention_written_out_is_torchs(options: dict) -> None:
    draws = torch.Generator().manual_seed(2)
    query, key, value = torch.randn(3, 2, 4, 5, 8, generator=draws)
    settings = dict(options)
    kind = settings.pop("mask", None)
    if kind is not None:
        mask = torch.randn(5, 5, generator=draws)
        settings["attn_mask"] = mask if kind is float else mask > -0.5
    found = attend(torch.softmax, Attention(query, key, value, **settings))
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, **settings)
    torch.testing.assert_close(found, expected)
