"""The versions of the installed packages that can change results."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version

IDLE = frozenset(
    {"dvc", "mlflow", "psutil", "filelock", "pydantic", "ray", "ruamel", "tqdm", "typer"}
)
"""Packages that check, log, lock or carry work about, and compute nothing of it."""

_STAND_ON = {
    "pandas": ("numpy",),
    "skimage": ("numpy", "scipy"),
    "sklearn": ("numpy", "scipy"),
    "torch": ("numpy",),
}
"""What packages compute with, that the code itself may not import."""

_DISTRIBUTIONS = {
    "open_clip": "open_clip_torch",
    "PIL": "pillow",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "torch_fidelity": "torch-fidelity",
}
"""Where the name to install is not the name to import."""


def package_versions(imported: Iterable[str]) -> dict[str, str | None]:
    """The versions of those of the imported packages that can change results, by their names.

    None for what is not installed. How a version was built (``+cpu``) has no part in it: results
    of another machine stay valid.
    """
    names = set(imported) - IDLE
    names |= {base for name in names for base in _STAND_ON.get(name, ())}
    found = {_DISTRIBUTIONS.get(name, name): _version(name) for name in names}
    return dict(sorted(found.items()))


@cache
def _version(name: str) -> str | None:
    for distribution in (_DISTRIBUTIONS.get(name, name), *_distributions_of(name)):
        try:
            return version(distribution).partition("+")[0]
        except PackageNotFoundError:
            continue
    return None


def _distributions_of(name: str) -> Iterable[str]:
    """Which distributions have a module of this name; looked up only where it is not theirs."""
    try:
        version(_DISTRIBUTIONS.get(name, name))
    except PackageNotFoundError:
        return packages_distributions().get(name, ())
    return ()
