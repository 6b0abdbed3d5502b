"""Errors of `vital visualize` name its options, not keys of params.yaml or keywords of a call."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from helpers.repository import ROOT
from helpers.small_networks import write_references
from vital.cli import app
from vital.cli.words import BLOCKS, KEYWORDS, PARAMETERS, TAPS, in_words_of_the_command, spoken
from vital.errors import ParamsError, VitalError
from vital.params.call import VisualizeCall
from vital.params.data import ReferenceParams
from vital.runtime.closure import closure_of


@pytest.mark.parametrize(("key", "option"), PARAMETERS.items())
def test_a_parameter_is_called_by_its_option(key: str, option: str) -> None:
    assert spoken(f"{key}: 3 cannot be used") == f"{option}: 3 cannot be used"
    assert spoken(f"name them ({key})") == f"name them ({option})"
    untouched = f"/photos/{key}/x.png, '{key}', {key}.pth and a-{key} are files"
    assert spoken(untouched) == untouched


@pytest.mark.parametrize(("keyword", "option"), KEYWORDS.items())
def test_a_keyword_is_called_by_its_option_where_a_line_begins_with_it(
    keyword: str, option: str
) -> None:
    assert spoken(f"seed 3\n{keyword}: it is bad") == f"seed 3\n{option}: it is bad"
    assert spoken(f"{keyword} 'x' is bad") == f"{option} 'x' is bad"
    assert spoken(f"the {keyword}: bad") == f"the {keyword}: bad"


@pytest.mark.parametrize(("block", "option"), BLOCKS.items())
def test_a_key_is_called_after_the_option_that_takes_it(block: str, option: str) -> None:
    said = spoken(f"unknown parameter {block}.stepz; did you mean 'steps'?\n{block}.a.b: -1 is bad")
    assert (
        said == f"unknown parameter {option} stepz; did you mean 'steps'?\n{option} a.b: -1 is bad"
    )


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            "give a local file instead (model.checkpoint, or --checkpoint)",
            "give a local file instead (--checkpoint)",
        ),
        (
            "as in data.class_map: {'my cat': 'tabby'}, or leave them out, by data.classes",
            """as in --data 'class_map={"my cat": "tabby"}', or leave them out, by --units""",
        ),
        ("say by output (model.output) which are", "say by --output which are"),
        (
            "rate may help (visualize.lr, or that of the method under peers)",
            "rate may help (--set lr)",
        ),
        (
            "(visualize.coarse.pool, extract.pools); legal here: 1 to 3",
            "(--set coarse); legal here: 1 to 3",
        ),
    ],
)
def test_what_is_said_otherwise(message: str, said: str) -> None:
    assert spoken(message) == said


def options_of(name: str) -> set[str]:
    command = typer.main.get_command(app).commands[name]
    return {option for param in command.params for option in param.opts}


def test_every_option_that_is_named_is_there() -> None:
    there = options_of("visualize")
    named = [*PARAMETERS.values(), *BLOCKS.values(), *KEYWORDS.values()]
    assert {said.split()[0] for said in named} <= there


def test_every_keyword_and_key_has_an_option() -> None:
    assert VisualizeCall.model_fields.keys() <= KEYWORDS.keys()
    of_references = ReferenceParams.model_fields.keys() - {"source"}
    assert {f"--data {name}" for name in of_references} <= set(KEYWORDS.values())
    assert PARAMETERS.keys() >= {f"visualize.{name}" for name in ("units", "seeds", "device")}


def messages_of(path: Path) -> Iterator[str]:
    """The texts of a module, in one piece where they have values in them, without docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documents = [n.value for n in ast.walk(tree) if isinstance(n, ast.Expr)]
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [p.value if isinstance(p, ast.Constant) else "X" for p in node.values]
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and node not in documents:
            yield str(node.value)


OF_THE_PIPELINE = (
    "vital/images/splits.py", "vital/references/select.py", "vital/references/choose_units.py",
    "vital/networks/untrained.py", "vital/networks/training.py", "vital/params/",
)  # fmt: skip
"""What a call of visualize does not run."""

PIPELINE_KEY = re.compile(
    r"(?<![\w./])(data|model|extract|references|relevance|visualize)\.[a-z_]{3,}(?!\w)"
)
OTHER = ("model.safetensors", "model.json", "references.parquet", "references.patch")
"""Names of files, and a key of what a call chooses itself."""


def test_no_error_of_a_call_keeps_a_key_of_the_pipeline() -> None:
    files = closure_of("vital.api.visualize").files
    reached = [path for path in files if not path.startswith(OF_THE_PIPELINE)]
    assert "vital/networks/taps/defaults.py" in reached
    found = {
        f"{path}: {text}"
        for path in reached
        for text in messages_of(ROOT / path)
        if PIPELINE_KEY.search(spoken(text)) and not text.startswith(OTHER)
    }
    assert not found


def fails(*arguments: object) -> str:
    """What `vital visualize` says, which refuses its work."""
    done = CliRunner().invoke(app, ["visualize", *map(str, arguments)])
    assert isinstance(done.exception, VitalError), done.output
    return str(done.exception)


@pytest.fixture
def given(checkpoint: Path, tmp_path: Path) -> list[object]:
    references = write_references(tmp_path / "references")
    return [
        "--model", "timm/resnet10t", "--checkpoint", checkpoint, "--size", 32,
        "--model-kwargs", "channels=[8,8,16,16]", "--model-kwargs", "num_classes=4",
        "--references", references, "--out", tmp_path / "out", "--set", "batch=2", "--steps", 1,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--taps", "conv1,conv1"], "--taps names 'conv1' more than once"),
        (["--units", "1,1"], "--units names '1' more than once"),
        (["--sets", 9], "--sets: 9 are more than the 4 references"),
        (["--set", "stepz=3"], "unknown parameter --set stepz; did you mean 'steps'"),
        (["--set", "lr=-1"], "--set lr: -1 cannot be used"),
        (["--set", "fourier={'x'}"], "--set fourier: \"{'x'}\" cannot be used"),
        (["--set", "ray={}", "--set", "ray2=1"], "unknown parameter --set ray2"),
        (["--set", 'ray={"workers": 3}'], "--set: 'ray' has no effect without engine: ray"),
        (["--set", 'tap_weights={"conv9": 1}'], "--set tap_weights names 'conv9'"),
        (["--set", 'coarse={"steps": 1, "pool": 99}'], "(--set coarse); legal here"),
        (["--data", "splitz=train"], "unknown parameter --data splitz; did you mean 'split'"),
        (["--data", "columns=3"], "--data columns: 3 cannot be used"),
        (["--data", 'class_map={"9": "1"}'], "--data class_map: no class '9'"),
        (["--data", "root=x"], "--data root has no meaning for the source"),
        (
            ["--preprocessing", "men=3"],
            "unknown parameter --preprocessing men; did you mean 'mean'",
        ),
        (["--preprocessing", "size=64"], "--size: 32 contradicts the size of preprocessing"),
        (["--method", "mako"], "--method 'mako' is not known; did you mean 'maco'?"),
        (["--method", "maco", "--set", "crop=3"], "--set: maco takes no 'crop'; did you mean"),
        (["--method", "maco", "--set", "crops=0"], "--set crops: 0 cannot be used"),
        (["--method", "maco", "--set", "budget=half"], "--set budget: 'half' cannot be used"),
        (["--method", "maco", "--sets", 1], "--sets: it has no effect: images by maco"),
        (["--method", "maco", "--per-class", 1], "--per-class: it has no effect: images by maco"),
        (["--unit", "conv1:99"], "--units: tap 'conv1' has no channel 99; legal here: 0 to"),
        (["--unit", "conf1:2"], "--units: 'conf1:2': the network has no tap 'conf1'; did you mean"),
        (["--unit", "conv1"], "--units: 'conv1' is a tap: say which channel, as in 'conv1:0'"),
        (["--unit", "conv1:0", "--taps", "layer2"], "--taps: none of layer2 runs before 'conv1'"),
        (["--weights-key", "ema"], "under --weights-key 'ema'"),
        (["--weights", "DEFAULT"], "--weights 'DEFAULT' cannot be chosen"),
        (["--output", "logits"], "--output 'logits': the network gives one tensor, of which there"),
        (["--device", "abacus"], "--device 'abacus' cannot be used"),
        (["--model-kwargs", "pretrained=true"], "weights are chosen by --checkpoint and --weights"),
    ],
)
def test_the_command_speaks_of_its_options(
    given: list[object], more: list[object], said: str
) -> None:
    assert said in fails(*given, *more)


def test_a_folder_of_splits_is_told_how_to_name_one(given: list[object], tmp_path: Path) -> None:
    write_references(tmp_path / "splits" / "train")
    write_references(tmp_path / "splits" / "val")
    said = fails(*given, "--references", tmp_path / "splits")
    assert said.endswith("name the split, as in --data split=train")


def test_a_class_map_can_be_copied_from_the_message(given: list[object], tmp_path: Path) -> None:
    (tmp_path / "references" / "0").rename(tmp_path / "references" / "0 it's")
    said = fails(*given)
    copied = re.search(r"--data '(class_map=.*)', or leave", said)
    assert copied
    assert json.loads(copied[1].partition("=")[2]).keys() == {"0 it's"}
    assert "by --units" in said


def test_the_reference_folder_may_not_hold_the_images(given: list[object], tmp_path: Path) -> None:
    assert fails(*given, "--out", tmp_path / "references" / "x").startswith("--out: ")


def test_a_flat_folder_says_what_is_missing(given: list[object], tmp_path: Path) -> None:
    said = fails(*given, "--references", tmp_path / "references" / "0")
    assert said.endswith("say which one unit it is for (--units)")


def test_taps_that_are_not_known_are_shown_by_all() -> None:
    with (
        pytest.raises(VitalError, match="network: --all shows what can be read"),
        in_words_of_the_command(TAPS),
    ):
        raise ParamsError("no default taps are known for this network: name them (extract.taps)")
