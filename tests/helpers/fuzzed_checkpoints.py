"""Files of weights as people have them, good and bad: each mutation writes one."""

from __future__ import annotations

import argparse
import io
import pickle
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from timm.models import load_pretrained

from helpers.fuzzed_networks import ARCHITECTURES, Draws, State, build, drawn_state, kept


@dataclass(frozen=True)
class File:
    """A file of weights, and what it stands for.

    ``expected`` are the weights that a network may take from it; without them it must be refused.
    ``damaged``: as good as any, or refused, but what it holds is what the network must get.
    """

    path: Path
    expected: State | None = None
    key: str | None = None
    damaged: bool = False


Mutation = Callable[[State, Draws, Path, str], File]


def _saved(content: object, path: Path, **how: object) -> Path:
    torch.save(content, path, **how)  # type: ignore[arg-type]
    return path


def _written(state: State, draws: Draws, folder: Path) -> Path:
    """As any of the kinds of files."""
    kind = draws.choice(("safetensors", "pt", "pth", "bin"))
    path = folder / f"weights.{kind}"
    if kind == "safetensors":
        save_file({name: value.contiguous() for name, value in state.items()}, path)
        return path
    return _saved(state, path, _use_new_zipfile_serialization=kind != "bin")


def _with(change: Callable[[State, Draws], object], refused: bool) -> Mutation:
    """A mutation of the table, which ``change`` alters."""

    def mutate(state: State, draws: Draws, folder: Path, _architecture: str) -> File:
        change(state, draws)
        return File(_written(state, draws, folder), None if refused else state)

    return mutate


def _dropped(state: State, draws: Draws) -> None:
    del state[draws.name(state)]


def _extra(state: State, draws: Draws) -> None:
    state[draws.choice(("extra", "head.extra.weight", "stages.9.bias"))] = torch.ones(3)


def _renamed(state: State, draws: Draws) -> None:
    name = draws.name(state)
    state[name + "_x"] = state.pop(name)


def _wrong_shape(state: State, draws: Draws) -> None:
    name = draws.name(state)
    state[name] = torch.cat([state[name], state[name]])


def _without_axis(state: State, draws: Draws) -> None:
    name = draws.choice([name for name, value in state.items() if value.ndim > 1])
    state[name] = state[name].flatten()


def _transposed(state: State, draws: Draws) -> None:
    unequal = [n for n, v in state.items() if v.ndim > 1 and v.shape[0] != v.shape[1]]
    name = draws.choice(unequal)
    state[name] = state[name].transpose(0, 1).contiguous()


def _not_finite(state: State, draws: Draws) -> None:
    name = draws.name(state)
    state[name].view(-1)[draws.randrange(state[name].numel())] = draws.choice(
        (float("nan"), float("inf"), -float("inf"))
    )


def _too_large(state: State, draws: Draws) -> None:
    name = draws.name(state)
    state[name] = state[name].double() * 1e300


def _whole_numbers(state: State, draws: Draws) -> None:
    name = draws.name(state)
    state[name] = (state[name] * 100).to(draws.choice((torch.int64, torch.int8, torch.bool)))


def _complex(state: State, draws: Draws) -> None:
    name = draws.name(state)
    state[name] = torch.complex(state[name], state[name])


def _exchanged(state: State, draws: Draws) -> None:
    """Two weights of one shape in each other's place: as good a file as any."""
    name = draws.name(state)
    like = [other for other in state if state[other].shape == state[name].shape]
    other = draws.choice(like)
    if state[name].dtype == state[other].dtype:
        state[name], state[other] = state[other], state[name]


def _prefixed_in_part(state: State, draws: Draws) -> None:
    for name in draws.sample(sorted(state), max(1, len(state) // 2)):
        state["module." + name] = state.pop(name)


def _nothing(_state: State, _draws: Draws) -> None:
    pass


def _in_any_order(state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    names = draws.sample(sorted(state), len(state))
    return File(_saved({name: state[name] for name in names}, folder / "any.pt"), state)


def _other_type(state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    kind = draws.choice((torch.float16, torch.bfloat16, torch.float64))
    cast = {n: v.to(kind) if v.is_floating_point() else v for n, v in state.items()}
    return File(_written(cast, draws, folder), cast)


def _prefixed(state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    parts = [draws.choice(("module.", "model.", "_orig_mod.")) for _ in range(draws.randint(1, 3))]
    named = {"".join(parts) + name: value for name, value in state.items()}
    return File(_written(named, draws, folder), state)


def _other_prefix(state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    prefix = draws.choice(("my.", "student.", "net.module.", "Module."))
    named = {prefix + name: value for name, value in state.items()}
    return File(_written(named, draws, folder))


def _wrapped(state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    content: object = state
    for _ in range(draws.randint(1, 2)):
        content = {draws.choice(("state_dict", "model")): content, "epoch": 3, "best": 0.5}
    return File(_saved(content, folder / "wrapped.pt"), state)


def _averaged_too(state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    """With the averages beside the weights: the weights are taken, or what the key says."""
    plain, averaged = draws.choice((("state_dict", "state_dict_ema"), ("model", "model_ema")))
    other = {n: v + 1 if v.is_floating_point() else v for n, v in state.items()}
    path = _saved({averaged: other, plain: state, "optimizer": {"state": {}}}, folder / "both.pt")
    key = draws.choice((None, plain, averaged))
    return File(path, other if key == averaged else state, key)


def _absent_key(state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    content = draws.choice((state, {"state_dict": state}, {"a": {"b": state}}))
    return File(_saved(content, folder / "keys.pt"), None, draws.choice(("nowhere", "a", "b", "")))


def _several_unknown(state: State, _draws: Draws, folder: Path, _architecture: str) -> File:
    return File(_saved({"teacher": state, "student": state}, folder / "several.pt"))


def _empty(_state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    path = folder / "empty.pt"
    content = draws.choice(({}, {"state_dict": {}}, {"model": {"state_dict": {}}}, [], None, 3))
    kind = draws.choice(("content", "safetensors", "bytes", "missing", "folder"))
    if kind == "safetensors":
        path = folder / "empty.safetensors"
        save_file({}, path)
    elif kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(b"")
    return File(_saved(content, path) if kind == "content" else path)


def _truncated(state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    path = _written(state, draws, folder)
    whole = path.read_bytes()
    path.write_bytes(whole[: draws.randrange(len(whole))])
    return File(path)


def _flipped(state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    path = _written(state, draws, folder)
    content = bytearray(path.read_bytes())
    first = draws.randrange(2)  # in the head, or anywhere
    for _ in range(draws.randint(1, 4)):
        content[draws.randrange(min(len(content), 500) if first else len(content))] ^= (
            1 << draws.randrange(8)
        )
    path.write_bytes(bytes(content))
    return File(path, damaged=True)


def _junk(_state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    path = folder / draws.choice(("junk.pt", "junk.safetensors"))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("readme.txt", "nothing")
    path.write_bytes(
        draws.choice(
            (b"{}", b"version https://git-lfs.github.com/spec/v1\n", draws.randbytes(999),
             b"\x80", b"PK\x03\x04", archive.getvalue(), b"<html>404</html>"),
        )
    )  # fmt: skip
    return File(path)


def _other_suffix(state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    """Safetensors are known by what they hold; torch's files must not be called safetensors."""
    if draws.randrange(2):
        path = folder / "weights.safetensors"
        return File(_saved(state, path))
    save_file(state, folder / "weights.pt")
    return File(folder / "weights.pt", state)


def _objects(state: State, draws: Draws, folder: Path, architecture: str) -> File:
    path = folder / "objects.pt"
    kind = draws.choice(("arguments", "module", "pickle", "arrays", "script"))
    if kind == "pickle":
        path.write_bytes(pickle.dumps(state, protocol=draws.choice((2, 4, 5))))
    elif kind == "script":
        torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), path)
    else:
        content: object = {"state_dict": state, "args": argparse.Namespace(lr=0.1)}
        if kind == "module":
            content = kept(architecture)
        if kind == "arrays":
            content = {name: value.numpy() for name, value in state.items()}
        _saved(content, path, _use_new_zipfile_serialization=bool(draws.randrange(2)))
    return File(path)


def _not_dense(state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    name = draws.choice([name for name, value in state.items() if value.ndim > 1])
    value = state[name]
    state[name] = draws.choice(
        (value.to_sparse(), torch.quantize_per_tensor(value, 0.1, 0, torch.qint8),
         value.to("meta"), value.tolist(), 3, None, "0.5", {"a": value})
    )  # fmt: skip
    return File(_saved(state, folder / "dense.pt"))


def _odd_names(state: State, draws: Draws, folder: Path, _architecture: str) -> File:
    named: dict[object, torch.Tensor] = dict(state)
    named[draws.choice((3, None, ("a", "b"), b"a"))] = torch.ones(2)
    return File(_saved(named, folder / "names.pt"))


def _of_another(_state: State, draws: Draws, folder: Path, architecture: str) -> File:
    other = draws.choice([name for name in OTHERS if name != architecture])
    return File(_written(drawn_state(other, draws.randrange(99)), draws, folder))


def _of_another_size(state: State, draws: Draws, folder: Path, architecture: str) -> File:
    """Of the same network for other images: refused, or converted as timm does it."""
    size = ARCHITECTURES[architecture].get("img_size")
    if size is None:
        return File(_written(state, draws, folder), state)
    other = build(architecture, img_size=2 * size, num_classes=draws.choice((10, 11)))
    return File(_written(other.state_dict(), draws, folder))


OTHERS = ("test_resnet", "test_vit", "test_convnext", "test_efficientnet", "test_mambaout",
          "vit_tiny_patch16_224", "levit_conv_128s")  # fmt: skip

MUTATIONS: dict[str, Mutation] = {
    "none": _with(_nothing, refused=False),
    "exchanged": _with(_exchanged, refused=False),
    "any order": _in_any_order,
    "other type": _other_type,
    "prefixed": _prefixed,
    "wrapped": _wrapped,
    "averaged too": _averaged_too,
    "other suffix": _other_suffix,
    "dropped": _with(_dropped, refused=True),
    "extra": _with(_extra, refused=True),
    "renamed": _with(_renamed, refused=True),
    "wrong shape": _with(_wrong_shape, refused=True),
    "without axis": _with(_without_axis, refused=True),
    "transposed": _with(_transposed, refused=True),
    "not finite": _with(_not_finite, refused=True),
    "too large": _with(_too_large, refused=True),
    "whole numbers": _with(_whole_numbers, refused=True),
    "complex": _with(_complex, refused=True),
    "prefixed in part": _with(_prefixed_in_part, refused=True),
    "other prefix": _other_prefix,
    "absent key": _absent_key,
    "several unknown": _several_unknown,
    "empty": _empty,
    "truncated": _truncated,
    "flipped": _flipped,
    "junk": _junk,
    "objects": _objects,
    "not dense": _not_dense,
    "odd names": _odd_names,
    "of another": _of_another,
    "of another size": _of_another_size,
}


def independently_read(path: Path) -> State | None:
    """What the file says to plain readers; None where they refuse it."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, weights_only=True)
    except Exception:
        return None
    return content if isinstance(content, dict) else None


def converted_by_timm(architecture: str, state: State) -> State | None:
    """The weights that timm itself loads from such a table; None where it refuses it."""
    network = build(architecture)
    given = {**network.pretrained_cfg, "source": "", "num_classes": 10, "state_dict": dict(state)}
    filtered = getattr(sys.modules[type(network).__module__], "checkpoint_filter_fn", None)
    try:
        load_pretrained(network, given, 10, filter_fn=filtered)
    except Exception:
        return None
    return network.state_dict()
