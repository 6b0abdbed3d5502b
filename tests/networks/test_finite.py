"""What is not finite is told with the image that it is of."""

from __future__ import annotations

import pytest
import torch

from vital.errors import ModelError
from vital.networks.finite import check_finite, check_logits

NAMES = ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_the_first_image_is_named_and_the_others_counted(bad: float) -> None:
    values = torch.zeros(3, 4, 5)
    check_finite(values, "maps", NAMES)
    values[1, 2, 3] = bad
    with pytest.raises(ModelError, match=r"maps of b\.png are not finite"):
        check_finite(values, "maps", NAMES)
    values[2, 0, 0] = bad
    with pytest.raises(ModelError, match=r"maps of b\.png and 1 more are not finite"):
        check_finite(values, "maps", NAMES)


def test_classes_may_be_excluded_but_not_all_of_them() -> None:
    logits = torch.zeros(3, 4)
    logits[:, 1] = -torch.inf
    check_logits(logits, NAMES)
    for row in ([torch.nan, 0, 0, 0], [0, torch.inf, 0, 0], [-torch.inf] * 4):
        wrong = logits.clone()
        wrong[2] = torch.tensor(row)
        with pytest.raises(ModelError, match=r"the network's logits of c\.png"):
            check_logits(wrong, NAMES)
