"""Errors in a command's own words: what the library calls by a key, it calls by an option."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from vital.errors import VitalError
from vital.methods.registry import MODULES

PARAMETERS: Mapping[str, str] = {
    "data.class_map": "--data class_map",
    "data.classes": "--units",
    "data.columns": "--data columns",
    "data.columns.label": "--data columns",
    "data.splits": "--data split",
    "extract.pools": "--set coarse",
    "extract.taps": "--taps",
    "model.checkpoint": "--checkpoint",
    "model.output": "--output",
    "model.weights": "--weights",
    "references.source": "--references",
    "relevance.taps": "--taps",
    "visualize.device": "--device",
    "visualize.seeds": "--seeds",
    "visualize.steps": "--steps",
    "visualize.units": "--units",
}
"""The options of `vital visualize` that give what parameters of a run do, wherever they stand."""

BLOCKS: Mapping[str, str] = {
    "model_kwargs": "--model-kwargs",
    "preprocessing": "--preprocessing",
    "references": "--data",
    "visualize": "--set",
    **{f"peers.{name}": "--set" for name in MODULES},
    "peers": "--set",
}
"""The options that take KEY=VALUE, for the blocks that these keys are of."""

KEYWORDS: Mapping[str, str] = {
    **{
        name: f"--{name.replace('_', '-')}"
        for name in (
            "checkpoint", "classes", "device", "method", "model_kwargs", "out", "output",
            "per_class", "preprocessing", "seed", "seeds", "sets", "size", "taps", "units",
            "weights", "weights_key",
        )
    },
    **{name: f"--data {name}" for name in ("class_map", "columns", "root", "split")},
    "params": "--set",
}  # fmt: skip
"""The options that give the keywords of a call, where a line begins with one."""

PHRASES: Mapping[str, str] = {
    "model.checkpoint, or --checkpoint": "--checkpoint",
    "visualize.lr, or that of the method under peers": "--set lr",
    "the parameters model.checkpoint, model.pretrained and model.weights": (
        "--checkpoint and --weights"
    ),
    "by output (model.output)": "by --output",
    "leave output out": "leave --output out",
    "visualize.coarse.pool, extract.pools": "--set coarse",
    "data.splits: {train: train, heldout: val}": "--data split=train",
    "its keyword arguments": "its --model-kwargs",
    "give preprocessing (": "give --preprocessing (",
    "it is for (units)": "it is for (--units)",
    "lie in (root)": "lie in (--data root)",
    "choose by weights_key": "choose by --weights-key",
    "under weights_key ": "under --weights-key ",
}
"""What is said otherwise than key by key."""

TAPS: Mapping[str, str] = {"name them (extract.taps)": "--all shows what can be read"}
"""The same for `vital taps`, which has fewer options."""

_CLASS_MAP = re.compile(r"data\.class_map: (\{[^{}]*\})")
_PARAMETER = re.compile(
    rf"(?<![\w./'\"-])({'|'.join(sorted(map(re.escape, PARAMETERS), key=len, reverse=True))})"
    r"(?![\w/-]|\.\w)"
)
_BLOCK = "|".join(map(re.escape, BLOCKS))
_KEY = re.compile(
    rf"(?m)(?P<before>^(?:unknown )?(?:parameter )?|\()(?P<block>{_BLOCK})\."
    r"(?P<key>[a-z]\w*(?:\.\w+)*)"
)
_KEYWORD = re.compile(rf"(?m)^({'|'.join(KEYWORDS)})(?=: | '| names | has no | chooses )")


@contextmanager
def in_words_of_the_command(phrases: Mapping[str, str] | None = None) -> Iterator[None]:
    """Name options where errors name parameters, after what a command says otherwise."""
    try:
        yield
    except VitalError as error:
        error.args = (spoken(_said(str(error), phrases or {})),)
        raise


def spoken(message: str) -> str:
    """A message of the library in the words of the command line."""
    message = _CLASS_MAP.sub(_as_option, message)
    message = _said(message, PHRASES)
    message = _PARAMETER.sub(lambda found: PARAMETERS[found[1]], message)
    message = _KEY.sub(_as_key, message)
    return _KEYWORD.sub(lambda found: KEYWORDS[found[1]], message)


def _said(message: str, phrases: Mapping[str, str]) -> str:
    for words, ours in phrases.items():
        message = message.replace(words, ours)
    return message


def _as_option(found: re.Match[str]) -> str:
    """A class map that can be copied to the command line."""
    mapping = json.dumps(ast.literal_eval(found[1]), ensure_ascii=False)
    return f"--data 'class_map={mapping}'"


def _as_key(found: re.Match[str]) -> str:
    """A key of a block after the option that takes it."""
    return f"{found['before']}{BLOCKS[found['block']]} {found['key']}"
