"""Networks of timm, and where their published weights come from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from helpers.small_networks import redraw
from vital.errors import ModelError
from vital.networks.build import build_network


@pytest.fixture
def timm_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the client of timm's hub keeps what it has fetched; nothing can be fetched."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return tmp_path


def put_into_hub(folder: Path, model: str, state: dict[str, torch.Tensor]) -> Path:
    """Write weights in the layout in which the hub's client keeps them."""
    repository, revision = folder / f"models--timm--{model}", "0" * 40
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(revision, encoding="utf-8")
    file = repository / "snapshots" / revision / "model.safetensors"
    file.parent.mkdir(parents=True)
    save_file(state, file)
    return file


def test_timms_weights_are_taken_from_the_hubs_folder_or_asked_for(timm_home: Path) -> None:
    with pytest.raises(ModelError) as caught:
        build_network("timm/test_resnet", {}, pretrained=True)
    missing = "weights of timm/test_resnet (hub: timm/test_resnet.r160_in1k) cannot be fetched"
    assert missing in str(caught.value)
    assert "give a local file instead (model.checkpoint, or --checkpoint)" in str(caught.value)
    state = redraw(build_network("timm/test_resnet", {}), seed=1).state_dict()
    file = put_into_hub(timm_home, "test_resnet.r160_in1k", state)
    network = build_network("timm/test_resnet", {}, pretrained=True)
    assert all(torch.equal(value, state[key]) for key, value in network.state_dict().items())
    file.write_bytes(b"cut off")
    with pytest.raises(ModelError, match="cannot be fetched"):
        build_network("timm/test_resnet", {}, pretrained=True)


def test_published_files_that_hold_objects_are_told_in_our_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError(
            "weights_only=True blocked loading this checkpoint because it requires non-allowlisted "
            "pickle globals. Unsupported globals: numpy.dtype. Retry with weights_only=False."
        )

    monkeypatch.setattr("timm.create_model", refuse)
    with pytest.raises(ModelError) as caught:
        build_network("timm/test_resnet", {}, pretrained=True)
    assert "cannot be fetched (it holds Python objects (numpy.dtype)" in str(caught.value)
    assert "weights_only" not in str(caught.value)
