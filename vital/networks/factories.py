"""Networks of one's own: made by a function that is named by its place in Python."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from vital.errors import ModelError, first_line, nearest
from vital.networks.accepted import accepted
from vital.runtime.files import digest_file

PREFIX = "python:"


def build_from_factory(name: str, kwargs: Mapping[str, Any]) -> nn.Module:
    """Call the factory ``python:<package.module>:<factory>`` with these keyword arguments.

    Raises ModelError when it is not found, fails, or makes something else than a module that
    can be read.
    """
    with _current_folder_importable():
        factory = _find(name)
        try:
            network = factory(**kwargs)
        except (Exception, SystemExit) as error:  # somebody else's code may raise anything
            raise ModelError(
                f"{name} failed with {dict(kwargs)}: {type(error).__name__}: {first_line(error)}"
            ) from error
    if not isinstance(network, nn.Module):
        raise ModelError(f"{name} gave {type(network).__name__}, not a torch.nn.Module")
    return accepted(network)


def factory_sha256(name: str) -> str | None:
    """The sha256 of the file that holds the factory; None for a name of another kind.

    Raises ModelError when the factory is not found, or has no file.
    """
    if not name.startswith(PREFIX):
        return None
    with _current_folder_importable():
        sha256 = source_sha256(_find(name))
    if sha256 is None:
        raise ModelError(f"{name} has no source file, so that changes of it would go unseen")
    return sha256


def source_sha256(thing: Callable[..., Any]) -> str | None:
    """The sha256 of the file that a function or class is defined in; None where it has none."""
    try:
        path = inspect.getsourcefile(inspect.unwrap(thing))
    except TypeError:  # made without a definition, such as by functools.partial
        path = None
    return digest_file(Path(path)) if path and Path(path).is_file() else None


@contextmanager
def _current_folder_importable() -> Iterator[None]:
    """As for ``python -m``, which the installed command is not."""
    folder = str(Path.cwd())
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


def _find(name: str) -> Callable[..., Any]:
    place, _, attribute = name.removeprefix(PREFIX).partition(":")
    if not place or not attribute:
        raise ModelError(f"model {name!r} must be of the form {PREFIX}<package.module>:<factory>")
    try:
        module = importlib.import_module(place)
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{name}: there is no module {error.name!r}, neither in {Path.cwd()} nor installed"
        ) from None
    except (Exception, SystemExit) as error:  # somebody else's code may raise anything
        raise ModelError(
            f"{name}: {place} cannot be imported: {type(error).__name__}: {first_line(error)}"
        ) from error
    factory = getattr(module, attribute, None)
    if not callable(factory):
        made_here = [known for known, value in vars(module).items() if callable(value)]
        raise ModelError(f"{place} has no function {attribute!r}; {nearest(attribute, made_here)}")
    return factory  # type: ignore[no-any-return]
