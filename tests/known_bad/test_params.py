"""Parameters that must be refused, each with one line that names it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from helpers.messages import one_line
from helpers.repository import ROOT
from vital.errors import ParamsError
from vital.params.base import read_params
from vital.params.check import check_params

TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
BOMB = "\n".join(
    ["report: {title: &a [x, x, x, x, x, x, x, x, x, x]}", "data:"]
    + [f"  {chr(98 + i)}: &{chr(98 + i)} [{', '.join(10 * ['*' + chr(97 + i)])}]" for i in range(9)]
)


def refusal(path: Path) -> str:
    """What is said of a file."""
    with pytest.raises(ParamsError) as caught:
        check_params(read_params(path))
    return str(caught.value)


FILES: dict[str, tuple[bytes, str]] = {
    "not UTF-8": (TEXT.encode() + b"# caf\xe9\n", "is not UTF-8: byte 0xe9 in line"),
    "UTF-16": (TEXT.encode("utf-16"), "is not UTF-8"),
    "empty": (b"", "must hold blocks"),
    "spaces": (b"  \n\n", "must hold blocks"),
    "a list": (b"- seed\n- data\n", "must hold blocks"),
    "a word": (b"seed", "must hold blocks"),
    "a tab": (TEXT.replace("  steps: 400", "\tsteps: 400").encode(), "not valid YAML: line"),
    "a key twice": (
        TEXT.encode() + b"seed: 1\n",
        'column 1: the key "seed" stands there twice',
    ),
    "a nested key twice": (
        TEXT.replace("  lr: 0.3", "  lr: 0.3\n  lr: 0.2").encode(),
        'the key "lr" stands there twice',
    ),
    "two documents": (TEXT.encode() + b"---\nseed: 1\n", "not valid YAML"),
    "an open bracket": (TEXT.encode() + b"x: [1", "not valid YAML: line"),
    "an unknown alias": (TEXT.encode() + b"x: *a\n", "undefined alias 'a'"),
    "an object of Python": (TEXT.encode() + b"x: !!python/object:os.system a\n", "constructor"),
    "a character of control": (TEXT.encode() + b"# \x01\n", "the character U+0001"),
    "no such day": (TEXT.replace("seed: 0", "seed: 2020-13-45").encode(), "cannot be read: month"),
    "many digits": (TEXT.replace("seed: 0", f"seed: {'9' * 5000}").encode(), "4300 digits"),
    "many hexadecimal digits": (
        TEXT.replace("seed: 0", f"seed: 0x{'f' * 5000}").encode(),
        "seed is a number of 20000 bits",
    ),
    "a tag that does not fit": (
        TEXT.replace("seed: 0", "seed: !!int a").encode(),
        "cannot be read",
    ),
    "a deep nest": (TEXT.encode() + b"x: " + 3000 * b"[", "nested too deeply"),
    "an older YAML": (b"%YAML 1.1\n---\n" + TEXT.encode(), "says that it is YAML 1.1"),
    "an unknown block": (TEXT.encode() + b"visualise: {}\n", "unknown block 'visualise'; did you"),
    "a block that is true": (TEXT.encode() + b"true: {}\n", "unknown block True"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file(name: str, tmp_path: Path) -> None:
    content, expected = FILES[name]
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    message = one_line(refusal(path))
    assert expected in message
    assert str(path) in message or "seed is" in message


def test_a_folder_or_nothing_in_its_place(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)
    assert "does not exist" in refusal(tmp_path / "params.yaml")


def test_a_mark_at_the_beginning_and_other_ends_of_lines_are_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    assert read_params(path) == read_params(ROOT / "params.yaml")


def test_aliases_that_stand_for_too_much(tmp_path: Path) -> None:
    blocks = [name for name in read_params(ROOT / "params.yaml") if name not in ("report", "data")]
    path = tmp_path / "params.yaml"
    path.write_text(BOMB + "".join(f"\n{name}:" for name in blocks), encoding="utf-8")
    assert "data holds more than 1000000 values" in refusal(path)


def test_a_list_that_holds_itself(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    text = TEXT.replace("methods: [vital, maco", "methods: &m [*m, maco")
    path.write_text(text, encoding="utf-8")
    assert "nested too deeply, or holds itself" in refusal(path)


VALUES: list[tuple[str, str, str]] = [
    ("seed", "-1", "seed: -1 must be a whole number of at least 0"),
    ("seed", "1e3", "seed: 1000.0 must be a whole number"),
    ("seed", "true", "seed: True must be a whole number"),
    ("methods", "vital", "methods: 'vital' must be a list"),
    ("methods", "[vital, vital]", "methods names 'vital' more than once"),
    ("methods", "[vitl]", "no method 'vitl'; did you mean 'vital'"),
    ("methods", "[[vital]]", "no method ['vital']"),
    ("visualize.steps", "1e300", "visualize.steps: 1e+300 cannot be used: it must be a whole"),
    ("visualize.steps", "1e3", "visualize.steps: 1000.0 cannot be used: it must be a whole"),
    ("visualize.steps", "'400'", "visualize.steps: '400' cannot be used: it must be a whole"),
    ("visualize.steps", "0", "visualize.steps: 0 cannot be used: it must be above 0"),
    ("visualize.steps", f"{10**12}", "it must be at most 1000000000"),
    ("visualize.steps", "2020-01-02", "visualize.steps is a date in YAML, 2020-01-02"),
    ("visualize.steps", "!!binary aGk=", "visualize.steps is of Python's kind bytes"),
    ("visualize.seeds", f"{10**7}", "visualize.seeds: 10000000 cannot be used: it must be at most"),
    ("visualize.seeds", "0", "visualize.seeds: 0 cannot be used: it must be above 0"),
    ("visualize.seeds", "true", "visualize.seeds: True cannot be used: it must be a whole number"),
    ("visualize.lr", ".inf", "visualize.lr is inf, which cannot be used: it must be a finite"),
    ("visualize.lr", ".nan", "visualize.lr is nan, which cannot be used: it must be a finite"),
    ("visualize.lr", "1e-300", "visualize.lr: 1e-300 cannot be used: it must be at least 1e-30"),
    ("visualize.lr", "1e300", "visualize.lr: 1e+300 cannot be used: it must be at most 1e+30"),
    ("visualize.flip", "yes", "visualize.flip: 'yes' cannot be used: it must be true or false"),
    ("visualize.flip", "on", "visualize.flip: 'on' cannot be used: it must be true or false"),
    ("visualize.flip", "1", "visualize.flip: 1 cannot be used: it must be true or false"),
    ("visualize.units", "cat", "visualize.units: 'cat' cannot be used: it must be a list or 'all'"),
    (
        "visualize.units",
        "[cat, true]",
        "visualize.units.1: True cannot be used: it must be text or",
    ),
    ("visualize.units", "[cat, cat]", "visualize.units names 'cat' more than once"),
    ("visualize.tap_weights", "{input: -1}", "visualize.tap_weights.input: -1 cannot be used"),
    ("visualize.tap_weights", "{1.5: 1}", "visualize.tap_weights has the key 1.5, which must be"),
    ("visualize.tap_weights", "{1: 1, '1': 2}", "visualize.tap_weights has the key '1' twice"),
    ("visualize.betas", "[0.5]", "visualize.betas: [0.5] cannot be used: it must be longer"),
    ("visualize.coarse", "{steps: 3, pool: 4}", "visualize.coarse.pool: 4, but no statistics"),
    ("data.size", "0", "data.size: 0 cannot be used: it must be at least 16"),
    ("data.size", "1000000", "data.size: 1000000 cannot be used: it must be at most 8192"),
    ("data.size", "64.0", "data.size: 64.0 cannot be used: it must be a whole number"),
    ("data.classes", "[]", "data.classes: [] cannot be used: it must be at least 1 long"),
    ("data.per_class", "{train: 0, validation: 1, heldout: 4}", "data.per_class.train: 0 cannot"),
    *(
        (
            f"data.per_class.{split}",
            "10000000",
            f"data.per_class.{split}: 10000000 cannot be used: it must be at most 100000",
        )
        for split in ("train", "validation", "heldout")
    ),
    ("data.source", "2020-01-02", "data.source is a date in YAML"),
    ("data", "[1]", "data: [1] cannot be used: it must be keys with values"),
    ("model.kwargs", "{a: .nan}", "model.kwargs.a is nan"),
    ("model.taps", "{}", "model.taps: {} cannot be used: it must be at least 1 long"),
    ("model.checkpoint", "''", "model.checkpoint: '' cannot be used: it must be text of at least"),
    ("model.preprocessing", "{size: 64.5}", "model.preprocessing.size: 64.5 cannot be used"),
    ("extract.taps", "[]", "extract.taps: [] cannot be used: it must be at least 1 long"),
    ("extract.taps", "[conv1, conv1]", "extract.taps names 'conv1' more than once"),
    ("extract.pools", "[2, 2]", "extract.pools names 2 more than once"),
    (
        "extract.batch",
        f"{10**6}",
        "extract.batch: 1000000 cannot be used: it must be at most 65536",
    ),
    ("relevance.taps", "[]", "relevance.taps: [] cannot be used"),
    ("units.circuit", "{classes: []}", "units.circuit.classes: [] cannot be used"),
    ("units.random", "{taps: [], count: 1}", "units.random.taps: [] cannot be used"),
    ("score.resamples", f"{10**9}", "score.resamples: 1000000000 cannot be used"),
    ("score.perplexity", "1e300", "score.perplexity: 1e+300 cannot be used"),
    ("report.title", '"\\ud800"', "report.title is '\\ud800', which is not valid Unicode"),
]


@pytest.mark.parametrize(("key", "value", "expected"), VALUES)
def test_a_value(key: str, value: str, expected: str, tmp_path: Path) -> None:
    content: Any = YAML(typ="safe", pure=True).load(TEXT)
    *parents, last = key.split(".")
    block = content
    for name in parents:
        block = block[name]
    mark = "put-the-value-here"
    block[last] = mark
    written = io.StringIO()
    YAML(typ="safe", pure=True).dump(content, written)
    path = tmp_path / "params.yaml"
    path.write_text(written.getvalue().replace(mark, value), encoding="utf-8")
    assert expected in one_line(refusal(path))


def test_a_line_for_each_fault_and_no_long_one(tmp_path: Path) -> None:
    text = TEXT.replace("steps: 400", "steps: []").replace("lr: 0.3 ", "lr: fast ")
    text = text.replace("methods: [vital", f"methods: [{'x' * 10_000}").replace(
        "size: 64", "size: 1"
    )
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    lines = refusal(path).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "methods", "data.size", "visualize.steps", "visualize.lr",
    ]  # fmt: skip
    assert max(map(len, lines)) < 400
