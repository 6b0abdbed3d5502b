"""CLIP through open_clip, with a tiny model of random weights in a local file."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch.nn import functional

from helpers.small_networks import CPU
from vital.errors import ModelError, ParamsError
from vital.params.base import check_block
from vital.params.score import ScoreParams
from vital.scoring.clip import ClipObserver, find_clip
from vital.scoring.observer import Missing
from vital.scoring.seen import Seen, Settings

CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}
NAMES = ("cat", "pagoda", "brick wall")
TEMPLATES = ("a photo of a {}.", "{}, close by")


@pytest.fixture(scope="module")
def architecture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a tiny architecture that open_clip knows for the time being."""
    path = tmp_path_factory.mktemp("clip") / "tiny-clip.json"
    path.write_text(json.dumps(CONFIG))
    open_clip.add_model_config(path)
    yield path.stem
    open_clip.factory._MODEL_CONFIG_PATHS.remove(path)
    open_clip.factory._rescan_model_configs()


@pytest.fixture
def checkpoint(architecture: str, tmp_path: Path) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = open_clip.create_model(architecture, load_weights=False)
    save_file(model.state_dict(), tmp_path / "clip.safetensors")
    return tmp_path / "clip.safetensors"


def observer_of(**block: Any) -> ClipObserver | Missing:
    params = check_block({"clip": block}, "score", ScoreParams)
    return find_clip(Settings(params, 0), NAMES, CPU)


def pictures() -> list[Image.Image]:
    draws = np.random.default_rng(0)
    sizes = ((32, 32), (64, 64))
    return [Image.fromarray(draws.integers(0, 255, (*size, 3), np.uint8)) for size in sizes]


def test_images_and_names_are_compared_as_open_clip_does(
    architecture: str, checkpoint: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        observer = observer_of(model=architecture, checkpoint=str(checkpoint), templates=TEMPLATES)
    assert not caplog.records, "the weights are random only until the checkpoint is loaded"
    assert isinstance(observer, ClipObserver)
    features, logits = observer.look(pictures())
    model, _, transform = open_clip.create_model_and_transforms(
        architecture, pretrained=str(checkpoint)
    )
    tokenize = open_clip.get_tokenizer(architecture)
    with torch.no_grad():
        seen = model.eval().encode_image(torch.stack([transform(image) for image in pictures()]))
        for place, name in enumerate(NAMES):
            texts = model.encode_text(tokenize([text.format(name) for text in TEMPLATES]))
            mean = functional.normalize(texts, dim=1).mean(0)
            expected = functional.cosine_similarity(seen, mean[None], dim=1)
            torch.testing.assert_close(logits[:, place], expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(features, seen, atol=1e-5, rtol=1e-4)


def test_agreement_counts_names(architecture: str, checkpoint: Path) -> None:
    observer = observer_of(model=architecture, checkpoint=str(checkpoint))
    assert isinstance(observer, ClipObserver)
    logits = torch.tensor([[0.1, 0.3, 0.2], [0.5, 0.3, 0.2]])
    seen = Seen(torch.eye(2), logits, torch.tensor([1, 1]))
    measured = observer.measure(seen, seen)
    assert measured.per_image["zeroshot_top1"].tolist() == [True, False]
    assert measured.per_image["zeroshot_top5"].tolist() == [True, True]
    assert measured.per_set["cmmd"] == pytest.approx(1000 * (np.exp(-0.01) - 1))


def test_what_is_absent_has_a_reason(
    architecture: str, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_clip(Settings(ScoreParams(), 0), NAMES, CPU) == Missing(
        ("zeroshot_top1", "zeroshot_top5", "cmmd"), "score.clip names no model"
    )
    absent = observer_of(model=architecture, checkpoint="nowhere.pt")
    assert isinstance(absent, Missing)
    assert "nowhere.pt does not exist" in absent.reason

    def find(name: str) -> ModuleSpec | None:
        assert name == "open_clip"
        return None

    monkeypatch.setattr("vital.scoring.clip.find_spec", find)
    missing = observer_of(model=architecture, checkpoint=str(checkpoint))
    assert isinstance(missing, Missing)
    assert "open_clip is not installed" in missing.reason


def test_what_does_not_fit_is_an_error(architecture: str, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no 'tiny-clib'; did you mean 'tiny-clip'"):
        observer_of(model="tiny-clib", checkpoint=str(checkpoint))
    save_file({"logit_scale": torch.ones(())}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="does not fit"):
        observer_of(model=architecture, checkpoint=str(tmp_path / "other.safetensors"))


@pytest.mark.parametrize("template", ["a photo", "a {} and a {}", "a {name}", "a {"])
def test_a_template_has_one_place_for_the_name(template: str) -> None:
    with pytest.raises(ParamsError, match=r"score\.clip\.templates holds .* exactly one \{\}"):
        check_block({"clip": {"checkpoint": "x", "templates": [template]}}, "score", ScoreParams)
