"""The network under study: a frozen network with all that is known about it, saved and opened."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vital.artefacts.model import (
    ARCHITECTURE,
    CLASSES,
    DESCRIPTION_FILE,
    ENTRY,
    KWARGS,
    OUTPUT,
    PREPROCESSING,
    SOURCE_SHA256,
    STRUCTURE,
    TAPS,
    TOKEN,
    WEIGHTS_FILE,
    WEIGHTS_SHA256,
    read_description,
    write_description,
)
from vital.errors import ArtefactError, ModelError, listed
from vital.images.preprocessing import Preprocessing
from vital.networks.accepted import own_copy
from vital.networks.build import build_network, freeze
from vital.networks.config import network_config, network_preprocessing
from vital.networks.factories import PREFIX, factory_sha256, source_sha256
from vital.networks.memory_layout import Layout, lay_out, layout_of
from vital.networks.outputs import Place, pick_output
from vital.networks.probe import count_logits, run_blank
from vital.networks.structure import network_structure, unrepeatable
from vital.networks.taps.defaults import default_taps
from vital.networks.weights import load_weights, state_digest
from vital.params.base import check_block
from vital.params.call import NetworkCall
from vital.params.explain import shown
from vital.runtime.devices import device_of
from vital.runtime.files import digest, digest_file
from vital.runtime.neutral_state import in_neutral_state
from vital.runtime.tensors import write_tensors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StudiedModel:
    """A network under study, frozen and in inference mode.

    ``classes`` are the names of its logits, empty where they have none. ``taps`` maps the names of
    the default taps to their default weights. ``sha256`` is a digest of what determines the
    network's answers: how it is built, its weights, and the source and structure of a network of
    one's own.
    """

    name: str
    network: nn.Module
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    taps: dict[str, float]
    sha256: str

    @property
    def outputs(self) -> int:
        """How many logits the network has.

        Raises ModelError for a network without a classifier.
        """
        return len(self.classes) or count_logits(self.network, self.preprocessing.size)

    @property
    def device(self) -> torch.device:
        """Where the network's weights are."""
        return device_of(self.network)

    @property
    def layout(self) -> Layout:
        """How the network's maps lie in memory, on which the last bits of its answers depend."""
        return layout_of(self.network)

    def to(self, device: torch.device) -> StudiedModel:
        """Move the network and lay it out as suits the device; returns the same object."""
        self.network.to(device)
        lay_out(self.network, self.preprocessing.size)
        return self


def save_model(folder: Path, network: nn.Module, description: Mapping[str, Any]) -> str:
    """Write the weights and their description; returns the sha256 of the weights' file.

    ``description`` holds architecture, kwargs, classes, preprocessing and taps; ``entry`` where
    torchvision's builder needs it, ``source_sha256`` for a network from a factory, ``output`` where
    it gives several.
    """
    weights = folder / WEIGHTS_FILE
    write_tensors(weights, _separate(network.state_dict()))
    sha256 = digest_file(weights)
    write_description(folder, {**description, WEIGHTS_SHA256: sha256})
    return sha256


def _separate(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights that share memory, which safetensors refuses, each with its own."""
    seen: set[int] = set()
    separate = {}
    for name, value in state.items():
        shared = value.untyped_storage().data_ptr() in seen
        separate[name] = value.clone() if shared else value.contiguous()
        seen.add(value.untyped_storage().data_ptr())
    return separate


def describe_further(folder: Path, facts: Mapping[str, Any]) -> None:
    """Add facts that were measured on the saved weights to their description."""
    write_description(folder, {**read_description(folder), **facts})


@in_neutral_state
def load_model(folder: Path) -> StudiedModel:
    """Read what :func:`save_model` wrote.

    Raises ArtefactError when a file is missing, damaged, or when weights or source file are not
    those of the description.
    """
    description = read_description(folder)
    weights = folder / WEIGHTS_FILE
    if not weights.is_file():
        raise ArtefactError(f"{weights} does not exist: run the model stage")
    if digest_file(weights) != description[WEIGHTS_SHA256]:
        raise ArtefactError(f"{weights} is not the file that {DESCRIPTION_FILE} describes")
    name, kwargs = description[ARCHITECTURE], description[KWARGS]
    entry, source = description.get(ENTRY), description.get(SOURCE_SHA256)
    if factory_sha256(name) != source:
        raise ArtefactError(f"the source file of {name} has changed: run the model stage again")
    network = _built_again(description, weights)
    structure = description.get(STRUCTURE)
    if structure is not None and network_structure(network).digest != structure:
        raise ArtefactError(
            f"{name} makes another network than that which was saved: run the model stage again"
        )
    further = [description[key] for key in (OUTPUT, STRUCTURE, TOKEN) if key in description]
    return StudiedModel(
        name=name,
        network=network,
        preprocessing=Preprocessing.from_dict(description[PREPROCESSING]),
        classes=tuple(description[CLASSES]),
        taps={str(tap): float(weight) for tap, weight in description[TAPS].items()},
        sha256=_identity(name, kwargs, entry, description[WEIGHTS_SHA256], source, *further),
    )


def pin_structure(folder: Path) -> None:
    """Describe the structure of a saved network of one's own, as :func:`load_model` builds it.

    Where it cannot be described whole nothing that is kept of an earlier one is used for it.
    """
    description = read_description(folder)
    network = _built_again(description, folder / WEIGHTS_FILE)
    pins = _structure_pins(network, description[ARCHITECTURE])
    describe_further(folder, dict(zip((STRUCTURE, TOKEN), pins, strict=False)))


def _built_again(description: Mapping[str, Any], weights: Path) -> nn.Module:
    network = build_network(
        description[ARCHITECTURE], description[KWARGS], weights=description.get(ENTRY)
    )
    # Frozen first: the weights that were saved are those of a frozen network.
    freeze(pick_output(network, description.get(OUTPUT)))
    load_weights(network, weights)
    return network


def _structure_pins(network: nn.Module, name: str) -> list[str]:
    """The digest of a network's structure and, where that does not tell all, a random token."""
    structure = network_structure(network)
    if not structure.unknown:
        return [structure.digest]
    log.warning(
        "%s holds what cannot be compared with an earlier run, so that its images are computed "
        "anew: %s",
        name,
        listed(structure.unknown, 5),
    )
    return [structure.digest, unrepeatable()]


def _identity(
    name: str,
    kwargs: Mapping[str, Any],
    entry: str | None,
    weights: str,
    source: str | None,
    *further: Place,
) -> str:
    """A network's answers depend on its arguments too: padding, say, changes no weight."""
    options = {key: repr(value) for key, value in kwargs.items()}
    return digest([name, options, entry, weights, source, *further])


def statistics_metadata(model: StudiedModel) -> dict[str, str]:
    """What a table of activations says of the network that they are of."""
    return {
        "model_sha256": model.sha256,
        "preprocessing": digest(model.preprocessing.to_dict()),
        "dtype": "float32",
    }


@in_neutral_state
def open_model(  # noqa: PLR0913 (one keyword for each thing that a caller may want)
    model: str | nn.Module,
    *,
    checkpoint: str | Path | None = None,
    weights_key: str | None = None,
    kwargs: Mapping[str, Any] | None = None,
    weights: str | None = None,
    preprocessing: Preprocessing | Mapping[str, Any] | None = None,
    classes: Sequence[str] = (),
    output: Place | None = None,
    taps: Sequence[str] | None = None,
) -> StudiedModel:
    """A network by name, with a checkpoint or its published weights, or a module as it is.

    ``weights_key`` names the entry of a checkpoint with several, ``weights`` one of torchvision's.
    ``preprocessing`` is the whole of it, or fields that override the network's own. ``output`` says
    which of a network's outputs its logits are, by attribute, key or index.

    Raises ModelError for a name, a checkpoint, classes or arguments that do not fit, for a module
    that cannot be read, for a network whose preprocessing is not known, and for one that does not
    run on images of its size.
    """
    if weights_key is not None and checkpoint is None:
        raise ModelError(f"weights_key {weights_key!r} chooses from a checkpoint; give one")
    options = dict(kwargs or {})
    check_block({"weights": weights, "taps": taps}, "", NetworkCall)
    _check_kind(model, options, weights)
    if isinstance(model, nn.Module):
        network = own_copy(model)
        name, source = type(network).__name__, source_sha256(type(network))
    else:
        name, source = model, factory_sha256(model)
        network = build_network(model, options, pretrained=checkpoint is None, weights=weights)
    if checkpoint is not None:
        load_weights(network, Path(checkpoint), weights_key)
    freeze(pick_output(network, output))
    of_ones_own = isinstance(model, nn.Module) or name.startswith(PREFIX)
    pins = _structure_pins(network, name) if of_ones_own else [] if output is None else [output]
    if isinstance(preprocessing, Preprocessing):
        preprocessing = preprocessing.to_dict()
    wanted = network_preprocessing(network, preprocessing or {})
    run_blank(network, wanted.size)
    return StudiedModel(
        name=name,
        network=network,
        preprocessing=wanted,
        classes=known_classes(network, classes, wanted.size),
        taps=dict.fromkeys(taps, 1.0) if taps else default_taps(network, wanted.size),
        sha256=_identity(name, options, weights, state_digest(network), source, *pins),
    )


def _check_kind(model: object, kwargs: Mapping[str, Any], weights: str | None) -> None:
    """Raise ModelError for what is no network, and for what only one that is built can take."""
    if isinstance(model, str):
        return
    if not isinstance(model, nn.Module):
        raise ModelError(f"model: {shown(model)} is neither a name nor a torch.nn.Module")
    for given, what in ((kwargs, "arguments to build it with"), (weights, "torchvision's weights")):
        if given:
            raise ModelError(
                f"the model is a module as it is, so {shown(given)} ({what}) would have no effect"
            )


def known_classes(
    network: nn.Module, given: Sequence[str], size: tuple[int, int]
) -> tuple[str, ...]:
    """The names of a network's classes: those given, else its own, else none.

    Its own are the ``label_names`` of the configuration that it carries, as timm has them. Raises
    ModelError when they are not as many as the network's logits.
    """
    own = network_config(network).get("label_names") or ()
    names = tuple(str(name) for name in given or own)
    if names and len(names) != (count := count_logits(network, size)):
        raise ModelError(f"{len(names)} classes are named, but the network has {count}")
    return names
