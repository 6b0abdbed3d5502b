"""Files of weights: what they hold, and which of their tables of weights is meant."""

from __future__ import annotations

import logging
import re
import threading
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import safetensors.torch
import torch
from torch.nn.parameter import is_lazy

from vital.errors import ModelError, first_line, listed

log = logging.getLogger(__name__)

State = Mapping[str, torch.Tensor]
"""Weights by name; one read from a torch file may carry its modules' versions as ``_metadata``."""

WRAPPERS = ("state_dict", "model", "state_dict_ema", "model_ema", "ema", "ema_state_dict")
"""Where training programs keep weights in their files: the first that is there is taken."""

_DEEPEST = 3
"""How many entries deep a table of weights is looked for."""

_FOREIGN = re.compile(r"(?:GLOBAL|globals:) ([\w.]*\w)")
"""How torch and timm name an object that they refuse to make."""

_LOADING = threading.Lock()
"""Warnings are silenced for a whole process: by one thread at a time."""

_MAGIC = bytes.fromhex("6cfc9c46f9206aa85019")
"""What torch's files that are no archives begin with, after the opcodes of pickle."""

_PICKLE = "a pickle of Python"
_SAVE_ALONE = "save the weights alone, as torch.save(network.state_dict(), FILE) does"


def read_state(path: Path, key: str | None = None) -> State:
    """The weights of a safetensors file, or of a torch file that holds nothing but tensors.

    ``key`` names the entry of a torch file that holds them, with dots for an entry within one;
    without it, the first of :data:`WRAPPERS` is taken, or the only one that there is.

    Raises ModelError when the file is missing, damaged, or holds anything else.
    """
    source = f"checkpoint {path}"
    try:
        if not path.is_file():
            raise ModelError(f"{source} {'is not a file' if path.exists() else 'does not exist'}")
        content = _content(path)
    except ModelError:
        raise
    except Exception as error:  # every damaged or disallowed file ends here, whatever its loader
        raise ModelError(f"{source} cannot be read: {why_unreadable(error)}") from None
    if not isinstance(content, Mapping):
        raise ModelError(f"{source} holds no table of weights, but one {type(content).__name__}")
    state = _chosen(content, key, source)
    _check_entries(state, source)
    return state


def why_unreadable(error: BaseException) -> str:
    """Why weights could not be fetched or loaded, without the advice of what was to load them."""
    text = str(error)
    foreign = _FOREIGN.search(text)
    if foreign is not None:
        return f"it holds Python objects ({foreign[1]}), which may run code; {_SAVE_ALONE}"
    if text == _PICKLE:
        return f"it is {_PICKLE}, which may run code; {_SAVE_ALONE}"
    if "TorchScript" in text:
        return f"it holds a program of TorchScript; {_SAVE_ALONE}"
    if isinstance(error, MemoryError):
        return "there is not enough memory for what it says it holds"
    if isinstance(error, OSError | HTTPException):
        return getattr(error, "strerror", None) or first_line(error)
    return "it is damaged, or no file of weights"


def why_unusable(value: Any) -> str:
    """What keeps a value from being a weight, to follow its name; nothing for a plain tensor."""
    if not isinstance(value, torch.Tensor):
        return f"is not a tensor, but one {type(value).__name__}"
    if is_lazy(value):
        return "has no shape yet: show the network an image first"
    if value.is_meta:
        return "has a shape, but no values"
    if value.is_quantized:
        return "is quantised: only plain numbers can be used"
    if value.is_nested or value.layout != torch.strided:
        return "is a sparse or nested tensor: only dense ones can be used"
    return ""


def _content(path: Path) -> Any:
    """What the file holds; its kind is told by its name, or else by how it begins."""
    with path.open("rb") as file:
        start = file.read(32)
    if path.suffix == ".safetensors" or start[8:9] == b"{":
        return safetensors.torch.load_file(path)
    if start.startswith(b"\x80") and _MAGIC not in start:
        raise UnpicklingError(_PICKLE)
    _compare_checksums(path)
    with _LOADING, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch remarks on is refused below, or harmless
        return torch.load(path, map_location="cpu", weights_only=True)


def _compare_checksums(path: Path) -> None:
    """Raise BadZipFile where a part's checksum differs: torch writes them and compares none.

    A part of checksum 0 was written without one.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            with archive.open(entry) as part:
                while entry.CRC and part.read(1 << 20):
                    pass


def _chosen(content: Mapping[Any, Any], key: str | None, source: str) -> State:
    """The table of weights that ``key`` names, or else the one to take, which is said."""
    tables = dict(_tables(content))
    if key is not None:
        names = [name for name in tables if name]
        if key not in names:
            legal = f"there are {listed(names, 10)}" if names else "its weights have no key"
            raise ModelError(f"{source} holds no weights under weights_key {key!r}; {legal}")
        return tables[key]
    if not tables:
        entries = f"; its entries are {listed(content)}" if content else ": it is empty"
        raise ModelError(f"{source} holds no table of weights{entries}")
    taken = _usual(tables)
    if taken is None:
        raise ModelError(
            f"{source} holds several tables of weights, {listed(tables)}: choose by weights_key"
        )
    others = [name for name in tables if name not in ("", taken)]
    if taken and others:
        log.warning(
            "%s: the weights under %r are taken; weights_key chooses others: %s",
            source, taken, listed(others),
        )  # fmt: skip
    return tables[taken]


def _tables(content: Mapping[Any, Any], path: str = "") -> Iterator[tuple[str, State]]:
    """The tables with any tensors, this one and those within, by the entries that lead there."""
    if any(isinstance(value, torch.Tensor) for value in content.values()):
        yield path, content
    if path.count(".") + 1 < _DEEPEST:
        for name, value in content.items():
            if isinstance(name, str) and isinstance(value, Mapping):
                yield from _tables(value, f"{path}.{name}" if path else name)


def _usual(tables: Mapping[str, State]) -> str | None:
    """The table that is meant where none is named: the first usual one, all there is, the only."""
    usual = [name for name in tables if name and set(name.split(".")) <= set(WRAPPERS)]
    if usual:
        return min(usual, key=lambda name: [WRAPPERS.index(part) for part in name.split(".")])
    if "" in tables:
        return ""
    return next(iter(tables)) if len(tables) == 1 else None


def _check_entries(state: Mapping[Any, Any], source: str) -> None:
    for name, value in state.items():
        if not isinstance(name, str):
            raise ModelError(f"{source} holds no table of weights: {name!r} is not a name")
        if reason := why_unusable(value):
            raise ModelError(f"{source}: {name!r} {reason}")
