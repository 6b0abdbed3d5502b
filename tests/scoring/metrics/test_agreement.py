"""Which images a network takes for their class."""

from __future__ import annotations

import torch

from vital.scoring.metrics.agreement import top_k_agreement


def test_agreement_counts_the_highest_logits() -> None:
    logits = torch.tensor([[3.0, 2.0, 1.0], [1.0, 2.0, 3.0], [2.0, 3.0, 1.0]])
    labels = torch.tensor([0, 0, 0])
    assert top_k_agreement(logits, labels, 1).tolist() == [True, False, False]
    assert top_k_agreement(logits, labels, 2).tolist() == [True, False, True]
    assert top_k_agreement(logits, labels, 9).tolist() == [True, True, True]
