"""What the studied network and judges are shown of an image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from PIL import Image

from helpers.small_networks import CPU, lively_model
from vital.images.preprocessing import Preprocessing
from vital.networks.judges import Judge
from vital.params.base import check_block
from vital.params.score import ScoreParams
from vital.scoring.classifiers import JudgeObserver, StudiedObserver
from vital.scoring.seen import Settings

SETTINGS = Settings(check_block({}, "score", ScoreParams), seed=0)
MEAN, STD = (0.5, 0.4, 0.3), (0.25, 0.2, 0.5)
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8))


def judge(side: int, crop_pct: float) -> Judge:
    model = lively_model(["conv1"])
    wanted = Preprocessing((side, side), MEAN, STD, "bicubic", crop_pct)
    return Judge(replace(model, preprocessing=wanted), {0: 0})


def expected(one: Judge, image: Image.Image) -> torch.Tensor:
    """The logits for all that an image shows."""
    pixels = torch.from_numpy(np.asarray(image, dtype=np.float32) / 255)
    normal = (pixels - torch.tensor(MEAN)) / torch.tensor(STD)
    with torch.no_grad():
        return one.model.network(normal.permute(2, 0, 1)[None])


def test_a_judge_is_shown_the_whole_picture_at_its_own_size() -> None:
    """In place of the centre that it would crop out of a photograph."""
    for side in (24, 48):
        one = judge(side, crop_pct=0.5)
        _, logits = JudgeObserver("one", one, SETTINGS, CPU).look([PICTURE])
        whole = PICTURE.resize((side, side), Image.Resampling.BICUBIC)
        torch.testing.assert_close(logits, expected(one, whole))


def test_a_picture_of_its_own_size_is_shown_as_it_is() -> None:
    one = judge(32, crop_pct=0.875)
    _, judged = JudgeObserver("one", one, SETTINGS, CPU).look([PICTURE])
    _, studied = StudiedObserver(one.model, SETTINGS, CPU).look([PICTURE])
    assert torch.equal(judged, studied)
    torch.testing.assert_close(judged, expected(one, PICTURE))
