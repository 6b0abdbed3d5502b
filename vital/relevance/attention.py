"""Attention written out, so that its softmax can have a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional

from vital.errors import ModelError

Softmax = Callable[[torch.Tensor, int], torch.Tensor]
"""Turns scores into weights along a dimension."""


@dataclass(frozen=True)
class Attention:
    """What ``torch.nn.functional.scaled_dot_product_attention`` is called with, in its order."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    attn_mask: torch.Tensor | None = None
    dropout_p: float = 0.0
    is_causal: bool = False
    scale: float | None = None
    enable_gqa: bool = False


@dataclass(frozen=True)
class AttentionInHeads:
    """What ``torch.nn.functional.multi_head_attention_forward`` is called with, in its order."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    embed_dim_to_check: int
    num_heads: int
    in_proj_weight: torch.Tensor
    in_proj_bias: torch.Tensor | None
    bias_k: torch.Tensor | None
    bias_v: torch.Tensor | None
    add_zero_attn: bool
    dropout_p: float
    out_proj_weight: torch.Tensor
    out_proj_bias: torch.Tensor | None
    training: bool = True
    key_padding_mask: torch.Tensor | None = None
    need_weights: bool = True
    attn_mask: torch.Tensor | None = None
    use_separate_proj_weight: bool = False
    q_proj_weight: torch.Tensor | None = None
    k_proj_weight: torch.Tensor | None = None
    v_proj_weight: torch.Tensor | None = None
    static_k: torch.Tensor | None = None
    static_v: torch.Tensor | None = None
    average_attn_weights: bool = True
    is_causal: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is the part of it that vision transformers use."""
        separate = self.use_separate_proj_weight or self.key_padding_mask is not None
        added = self.bias_k is not None or self.add_zero_attn
        return not (separate or added or (self.attn_mask is not None and self.attn_mask.dim() > 2))


def attend(softmax: Softmax, call: Attention) -> torch.Tensor:
    """Scaled dot product attention by a ``softmax``, without dropout: it has none in evaluation.

    Raises ModelError for grouped queries.
    """
    if call.enable_gqa:
        raise ModelError("attention with grouped queries has no relevance rule")
    query, mask = call.query, call.attn_mask
    scale = query.shape[-1] ** -0.5 if call.scale is None else call.scale
    scores = query @ call.key.transpose(-2, -1) * scale
    if call.is_causal:
        mask = torch.ones_like(scores, dtype=torch.bool).tril()
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, float("-inf"))
    elif mask is not None:
        scores = scores + mask
    return softmax(scores, -1) @ call.value


def attend_in_heads(softmax: Softmax, call: AttentionInHeads) -> tuple[torch.Tensor, None]:
    """Multi-head attention by a ``softmax``, as far as vision transformers use it.

    Shapes: (N, B, C) for query, key, value and the first output. Masks of padding, extra keys and
    separate projections are refused with ModelError.
    """
    if not call.is_plain:
        raise ModelError("this use of multi-head attention has no relevance rule")
    weights = call.in_proj_weight.chunk(3)
    biases = (None, None, None) if call.in_proj_bias is None else call.in_proj_bias.chunk(3)
    heads, width = call.num_heads, call.embed_dim_to_check
    by_head = [
        functional.linear(tokens, weight, bias)
        .view(*tokens.shape[:2], heads, width // heads)
        .permute(1, 2, 0, 3)
        for tokens, weight, bias in zip(
            (call.query, call.key, call.value), weights, biases, strict=True
        )
    ]
    mask = call.attn_mask
    mask = mask if mask is None or mask.dtype != torch.bool else ~mask
    attended = attend(softmax, Attention(by_head[0], by_head[1], by_head[2], mask))
    attended = attended.permute(2, 0, 1, 3).flatten(2)
    return functional.linear(attended, call.out_proj_weight, call.out_proj_bias), None
