"""Pooled images, and the names of what is known of them."""

from __future__ import annotations

import torch

from vital.references.pooling import at_pool, pooled, pooled_taps


def test_pooling_is_the_mean_over_squares() -> None:
    images = torch.randn(2, 3, 6, 5)
    assert pooled(images, 1) is images
    small = pooled(images, 2)
    assert small.shape == (2, 3, 3, 2)
    torch.testing.assert_close(small[1, 2, 2, 1], images[1, 2, 4:6, 2:4].mean())


def test_each_pool_has_names_of_its_own() -> None:
    names = pooled_taps(["stem", "layer1"], [2])
    assert names == ["stem", "layer1", "stem~2", "layer1~2"]
    kept = dict(zip(names, range(4), strict=True))
    assert at_pool(kept, 1) == {"stem": 0, "layer1": 1}
    assert at_pool(kept, 2) == {"stem": 2, "layer1": 3}
    assert at_pool(kept, 4) == {}


def test_a_modules_later_run_is_no_pooled_tap() -> None:
    kept = dict.fromkeys(pooled_taps(["relu", "relu@2"], [2]), 0)
    assert list(kept) == ["relu", "relu@2", "relu~2", "relu@2~2"]
    assert list(at_pool(kept, 1)) == list(at_pool(kept, 2)) == ["relu", "relu@2"]
