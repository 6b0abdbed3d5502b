"""Classes by the texts that stand for them."""

from __future__ import annotations

import numpy as np
import torch

from vital.scoring.zeroshot import class_embeddings, zero_shot_logits


def test_zero_shot_logits_are_cosines_to_the_mean_of_prompts() -> None:
    vectors = {
        "a cat": [2.0, 0.0],
        "no cat": [0.0, 5.0],
        "a dog": [-1.0, 0.0],
        "no dog": [-3.0, 0.0],
    }
    classes = class_embeddings(
        lambda texts: torch.tensor([vectors[text] for text in texts]),
        ["cat", "dog"],
        ["a {}", "no {}"],
    )
    half = np.sqrt(0.5)
    np.testing.assert_allclose(classes, [[half, half], [-1.0, 0.0]], atol=1e-6)
    logits = zero_shot_logits(torch.tensor([[0.0, 9.0], [-4.0, 0.0]]), classes)
    np.testing.assert_allclose(logits, [[half, 0.0], [-half, 1.0]], atol=1e-6)
