"""Build a network by name, load its weights, know its preprocessing, classes and default taps."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import timm
import torch
from timm.layers import BlurPool2d
from torch import nn

from vital.activations import find_module
from vital.errors import ArtefactError, ModelError, nearest
from vital.files import digest_file, read_json, replacing, write_json
from vital.preprocessing import Preprocessing

WEIGHTS_FILE = "model.safetensors"
DESCRIPTION_FILE = "model.json"


@dataclass(frozen=True)
class StudiedModel:
    """A network under study, frozen and in inference mode.

    ``taps`` maps the names of the default taps to their default weights; ``sha256`` is that of
    the weights.
    """

    name: str
    network: nn.Module
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    taps: dict[str, float]
    sha256: str

    @property
    def outputs(self) -> int:
        """How many logits the network has."""
        known = getattr(self.network, "num_classes", None)
        return int(known) if known is not None else len(self.classes)

    def to(self, device: torch.device) -> StudiedModel:
        """Move the network; returns the same object."""
        self.network.to(device)
        return self


def build_network(name: str, kwargs: Mapping[str, Any], pretrained: bool = False) -> nn.Module:
    """Build the network ``timm/<architecture>`` with its keyword arguments.

    Raises ModelError for an unknown source or architecture, arguments that do not fit, or weights
    that cannot be fetched.
    """
    architecture = _architecture(name)
    try:
        options = _with_layers(kwargs)
        network: nn.Module = timm.create_model(architecture, pretrained=pretrained, **options)
    except OSError as error:
        raise ModelError(
            f"the weights of {name} cannot be fetched ({_first_line(error)}); "
            "give a local file instead (model.checkpoint, or --checkpoint)"
        ) from None
    except (TypeError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"{name} cannot be built with {dict(kwargs)}: {_first_line(error)}"
        ) from None
    return network


def _with_layers(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Anti-aliasing layers by name, since some of timm's networks take their classes only."""
    layers = {"blurpool": BlurPool2d, "avgpool": nn.AvgPool2d}
    return {
        key: layers.get(value, value) if key == "aa_layer" else value
        for key, value in kwargs.items()
    }


def _architecture(name: str) -> str:
    source, _, architecture = name.partition("/")
    if source != "timm" or not architecture:
        raise ModelError(f"model {name!r} is of unknown origin; write timm/<architecture>")
    known = timm.list_models()
    if architecture.partition(".")[0] not in known:
        raise ModelError(f"timm has no {architecture!r}; {nearest(architecture, known)}")
    return architecture


def load_weights(network: nn.Module, path: Path) -> None:
    """Load a checkpoint: safetensors, or a torch file that holds nothing but weights.

    Raises ModelError when the file is missing, damaged, or does not fit the network.
    """
    state = _read_state(path)
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise ModelError(f"checkpoint {path} does not fit the network: {_summary(error)}") from None
    bad = [name for name, value in state.items() if not torch.isfinite(value.double()).all()]
    if bad:
        raise ModelError(f"checkpoint {path}: {bad[0]!r} holds values that are not finite")


def _read_state(path: Path) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise ModelError(f"checkpoint {path} does not exist")
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # every damaged or disallowed file ends here, whatever its loader
        raise ModelError(f"checkpoint {path} cannot be read: {_first_line(error)}") from None
    for wrapper in ("state_dict", "model"):
        if isinstance(state, dict) and isinstance(state.get(wrapper), dict):
            state = state[wrapper]
    if not isinstance(state, dict) or not all(torch.is_tensor(v) for v in state.values()):
        raise ModelError(f"checkpoint {path} holds no table of weights")
    return {name.removeprefix("module."): value for name, value in state.items()}


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _summary(error: RuntimeError) -> str:
    lines = [line.strip() for line in str(error).splitlines()[1:] if line.strip()]
    return " ".join(lines)[:400]


def freeze(network: nn.Module) -> nn.Module:
    """Inference mode, no gradients for weights, and nothing that overwrites its input."""
    network.eval().requires_grad_(False)
    for module in network.modules():
        if getattr(module, "inplace", False) is True:
            module.inplace = False  # type: ignore[assignment]
    return network


def timm_preprocessing(network: nn.Module) -> Preprocessing:
    """The preprocessing that the network's own data configuration asks for."""
    config = timm.data.resolve_model_data_config(network)
    _, height, width = config["input_size"]
    return Preprocessing(
        size=(height, width),
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        interpolation=config["interpolation"],
        crop_pct=config["crop_pct"],
    )


def default_taps(network: nn.Module) -> dict[str, float]:
    """Five taps by rule, each with weight 1: the first convolution and four stages.

    The stages are the last four of the network's feature_info where their reductions differ, else
    four blocks spread evenly.
    """
    config = getattr(network, "default_cfg", None) or {}
    first = config.get("first_conv")
    stem = first[0] if isinstance(first, list | tuple) else first
    info = _feature_modules(network)
    if stem is None or len(info) < 4:
        raise ModelError("no default taps are known for this network; name them (extract.taps)")
    return dict.fromkeys((str(stem), *info), 1.0)


def _feature_modules(network: nn.Module) -> list[str]:
    info = getattr(network, "feature_info", None)
    rows = [row if isinstance(row, dict) else dict(row) for row in info] if info else []
    names = [str(row["module"]) for row in rows]
    if len({row["reduction"] for row in rows}) > 1:
        return names[-4:]
    count = len(names)
    return [names[i] for i in sorted({0, count // 3, 2 * count // 3, count - 1})] if count else []


def penultimate_features(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The classifier's input, (B, features), for normalised images (B, 3, H, W)."""
    return features_and_logits(network, images)[0]


def features_and_logits(
    network: nn.Module, images: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The classifier's input (B, features) and the logits (B, classes) in one pass."""
    kept: list[torch.Tensor] = []
    handle = _classifier(network).register_forward_pre_hook(
        lambda _module, inputs: kept.append(inputs[0].detach())
    )
    try:
        with torch.no_grad():
            logits = network(images)
    finally:
        handle.remove()
    return kept[-1].flatten(1), logits


def _classifier(network: nn.Module) -> nn.Module:
    config = getattr(network, "default_cfg", None) or {}
    name = config.get("classifier")
    if isinstance(name, str):
        return find_module(network, name)
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ModelError("the network has no linear classifier to take features from")
    return linear[-1]


def save_model(folder: Path, network: nn.Module, description: Mapping[str, Any]) -> str:
    """Write the weights and their description; returns the sha256 of the weights."""
    weights = folder / WEIGHTS_FILE
    state = {name: value.contiguous() for name, value in network.state_dict().items()}
    with replacing(weights) as temporary:
        safetensors.torch.save_file(state, temporary)
    sha256 = digest_file(weights)
    write_json(folder / DESCRIPTION_FILE, {**description, "sha256": sha256})
    return sha256


def describe_further(folder: Path, facts: Mapping[str, Any]) -> None:
    """Add facts that were measured on the saved weights to their description."""
    path = folder / DESCRIPTION_FILE
    write_json(path, {**read_json(path), **facts})


def load_model(folder: Path) -> StudiedModel:
    """Read what :func:`save_model` wrote.

    Raises ArtefactError when a file is missing, damaged, or when the weights are not those of the
    description.
    """
    description = read_json(folder / DESCRIPTION_FILE)
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        raise ArtefactError(f"{weights} does not exist: run the model stage")
    if digest_file(weights) != description["sha256"]:
        raise ArtefactError(f"{weights} is not the file that {DESCRIPTION_FILE} describes")
    network = build_network(description["architecture"], description["kwargs"])
    load_weights(network, weights)
    return StudiedModel(
        name=description["architecture"],
        network=freeze(network),
        preprocessing=Preprocessing.from_dict(description["preprocessing"]),
        classes=tuple(description["classes"]),
        taps={str(name): float(weight) for name, weight in description["taps"].items()},
        sha256=description["sha256"],
    )


def open_model(
    model: str | nn.Module,
    *,
    checkpoint: str | Path | None = None,
    kwargs: Mapping[str, Any] | None = None,
    preprocessing: Preprocessing | None = None,
    classes: Sequence[str] = (),
    taps: Sequence[str] | None = None,
    size: int | None = None,
) -> StudiedModel:
    """A network by name, with a checkpoint or timm's pretrained weights, or a module as it is.

    ``size`` overrides the side of its input in pixels. Raises ModelError for a name, a checkpoint
    or arguments that do not fit, and for a module whose preprocessing is not known.
    """
    if isinstance(model, nn.Module):
        name, network = type(model).__name__, copy.deepcopy(model)
    else:
        name = model
        network = build_network(model, kwargs or {}, pretrained=checkpoint is None)
    if checkpoint is not None:
        load_weights(network, Path(checkpoint))
    if preprocessing is None:
        if not getattr(network, "pretrained_cfg", None):
            raise ModelError(f"{name} does not say how it wants its images: give preprocessing")
        preprocessing = timm_preprocessing(network)
    if size is not None:
        preprocessing = replace(preprocessing, size=(size, size))
    return StudiedModel(
        name=name,
        network=freeze(network),
        preprocessing=preprocessing,
        classes=tuple(classes),
        taps=dict.fromkeys(taps, 1.0) if taps else default_taps(network),
        sha256=state_digest(network),
    )


def state_digest(network: nn.Module) -> str:
    """The sha256 of a network's weights, for a network that comes from no file of ours."""
    total = hashlib.sha256()
    for name, value in network.state_dict().items():
        total.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        total.update(
            value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
        )
    return total.hexdigest()
