"""Trained networks load and give the logits that their publishers' files say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from vital.images.files import read_image
from vital.networks.model import StudiedModel, open_model

FOLDER = os.environ.get("VITAL_REAL_DATA")
pytestmark = pytest.mark.skipif(FOLDER is None, reason="VITAL_REAL_DATA is not set")


def facts_of(name: str) -> dict[str, Any]:
    return json.loads((Path(str(FOLDER)) / f"{name}.json").read_text(encoding="utf-8"))


def logits_of(model: StudiedModel, image: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model.network(image.unsqueeze(0))[0]


def test_a_network_of_ones_own_gives_its_reference_logits() -> None:
    facts = facts_of("cifar_resnet20")
    model = open_model(
        "python:vital.networks.cifar_resnet20:cifar_resnet20",
        checkpoint=Path(str(FOLDER)) / facts["file"],
    )
    assert list(model.classes) == facts["classes"]
    assert list(model.preprocessing.mean) == facts["mean"]
    assert list(model.preprocessing.std) == facts["std"]
    expected = facts["reference_outputs"]
    zero = logits_of(model, torch.zeros(3, 32, 32))
    torch.testing.assert_close(zero, torch.tensor(expected["zero_input_logits"]), atol=1e-4, rtol=0)
    image = model.preprocessing(read_image(Path(str(FOLDER)) / expected["image"]))
    logits = logits_of(model, image)
    torch.testing.assert_close(logits, torch.tensor(expected["image_logits"]), atol=1e-4, rtol=0)


def test_a_network_of_timm_gives_its_reference_logits() -> None:
    facts = facts_of("mobilenetv2_100")
    fields = ("mean", "std", "interpolation", "crop_pct")
    model = open_model(
        f"timm/{facts['timm']['model_name']}",
        checkpoint=Path(str(FOLDER)) / facts["file"],
        kwargs={"pad_type": facts["timm"]["kwargs"]["pad_type"]},
        preprocessing={field: facts[field] for field in fields},
    )
    expected = facts["reference_outputs"]["logits"]
    assert_top5(logits_of(model, torch.zeros(3, 224, 224)), expected["zero_input"])
    image = model.preprocessing(read_image(Path(str(FOLDER)) / expected["image"]))
    assert_top5(logits_of(model, image), expected["image_result"])


def assert_top5(logits: torch.Tensor, expected: dict[str, list[float]]) -> None:
    values, indices = logits.topk(5)
    assert indices.tolist() == expected["top5_index"]
    torch.testing.assert_close(values, torch.tensor(expected["top5_logit"]), atol=1e-3, rtol=0)
