"""FID and KID with Inception-v3: ours against torch-fidelity's own, from image files on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch_fidelity import calculate_metrics

from helpers.inception import write_inception
from helpers.small_networks import CPU, write_noise
from vital.errors import ModelError
from vital.images.image_set import ImageSet
from vital.images.preprocessing import Preprocessing
from vital.params.score import ScoreParams
from vital.runtime.partial_results import PartialResults
from vital.runtime.seeds import derive_seed
from vital.scoring.inception import InceptionObserver, find_inception, load_inception
from vital.scoring.observer import Missing, look_at
from vital.scoring.seen import Settings

CROP = Preprocessing((40, 40), (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
SUBSETS = 20


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in a file as torch-fidelity's."""
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    write_inception(path)
    return path


def images(folder: Path, count: int, seed: int, darkest: int = 0) -> ImageSet:
    write_noise(folder, count, seed, (40, 40), darkest)
    paths = [f"{number}.png" for number in range(count)]
    return ImageSet(folder, pd.DataFrame({"path": paths, "unit": 0}))


def test_fid_and_kid_are_those_of_torch_fidelity(weights: Path, tmp_path: Path) -> None:
    # Sets alike would have a KID below the rounding of torch-fidelity's kernel in float32.
    one, other = images(tmp_path / "one", 4, 1), images(tmp_path / "other", 5, 2, darkest=128)
    params = ScoreParams(inception=str(weights), kid_subsets=SUBSETS)
    observer = find_inception(Settings(params, 3), CPU)
    assert isinstance(observer, InceptionObserver)
    scored, against = (
        look_at({"x": observer}, CROP, 4, PartialResults(), "images", each).seen["x"]
        for each in (one, other)
    )
    ours = observer.measure(scored, against)
    theirs = calculate_metrics(
        input1=str(one.folder), input2=str(other.folder), fid=True, kid=True,
        feature_extractor_weights_path=str(weights), cuda=False, cache=False, verbose=False,
        batch_size=4, save_cpu_ram=True, kid_subsets=SUBSETS, kid_subset_size=2,
        rng_seed=derive_seed(3, "score", "kid", "inception") % 2**32,
    )  # fmt: skip
    expected = {
        "fid": theirs["frechet_inception_distance"],
        "inception_kid": theirs["kernel_inception_distance_mean"],
        "inception_kid_std": theirs["kernel_inception_distance_std"],
    }
    assert ours.per_image == {}
    assert ours.per_set == pytest.approx(expected, rel=1e-3)
    assert expected["fid"] > 1e-3
    assert expected["inception_kid"] > 1e-3


def test_without_weights_there_is_a_reason(tmp_path: Path) -> None:
    assert find_inception(Settings(ScoreParams(), 0), CPU) == Missing(
        ("fid", "inception_kid", "inception_kid_std"), "score.inception names no weights"
    )
    params = ScoreParams(inception=str(tmp_path / "absent.pth"))
    absent = find_inception(Settings(params, 0), CPU)
    assert isinstance(absent, Missing)
    assert "absent.pth does not exist" in absent.reason


def test_other_weights_and_pickles_are_refused(weights: Path, tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match="does not hold the weights"):
        load_inception(tmp_path / "other.pth")
    state = torch.load(weights)
    state["fc.bias"][0] = float("nan")
    torch.save(state, tmp_path / "nan.pth")
    with pytest.raises(ModelError, match=r"nan\.pth: 'fc\.bias' holds values that are not finite"):
        load_inception(tmp_path / "nan.pth")
    torch.save({"fc.weight": np.float64}, tmp_path / "objects.pth")
    with pytest.raises(ModelError, match="cannot be read"):
        load_inception(tmp_path / "objects.pth")
