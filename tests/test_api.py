"""The library function and the command line on a folder of images."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from ruamel.yaml import YAML
from safetensors.torch import save_file
from typer.testing import CliRunner

import vital
from helpers.own_images import write_tar
from helpers.repository import ROOT
from helpers.small_networks import KWARGS, redraw, write_noise
from vital.cli import app
from vital.errors import DataError, ModelError, ParamsError
from vital.images.preprocessing import Preprocessing
from vital.networks.build import build_network
from vital.params.base import read_block, read_params
from vital.params.visualize import VisualizeParams
from vital.pipeline.estimate import full_size_steps

QUICK = {"steps": 4, "batch": 2, "history_every": 2}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_file(redraw(build_network("timm/resnet10t", KWARGS), seed=1).state_dict(), path)
    return path


def draw_images(folder: Path, count: int, seed: int) -> None:
    write_noise(folder, count, seed, shape=(40, 36))


@pytest.fixture
def references(tmp_path: Path) -> Path:
    folder = tmp_path / "references"
    for index in range(3):
        draw_images(folder / str(index), 4, seed=index)
    return folder


def make(checkpoint: Path, references: Path, **changes: object) -> vital.Visualizations:
    options = {"checkpoint": checkpoint, "model_kwargs": KWARGS, "size": 32, "params": QUICK}
    return vital.visualize("timm/resnet10t", references, **{**options, **changes})


def test_images_come_with_a_table(checkpoint: Path, references: Path) -> None:
    made = make(checkpoint, references, seeds=2)
    assert made.images.shape == (6, 3, 32, 32)
    assert float(made.images.min()) >= 0
    assert float(made.images.max()) <= 1
    assert list(made.table["unit"]) == [0, 0, 1, 1, 2, 2]
    assert (made.table["probability"] > 0).all()


def test_a_unit_alone_is_the_same_as_with_others(checkpoint: Path, references: Path) -> None:
    together = make(checkpoint, references)
    alone = make(checkpoint, references, units=["1"])
    assert torch.equal(alone.images[0], together.images[1])


def test_a_module_of_ones_own_works(references: Path) -> None:
    network = redraw(build_network("timm/resnet10t", KWARGS), seed=2)
    made = vital.visualize(
        network,
        references,
        preprocessing=Preprocessing((32, 32), (0.5,) * 3, (0.5,) * 3),
        classes=("a", "b", "c", "d"),
        taps=["conv1"],
        units=["2"],
        params=QUICK,
    )
    assert list(made.table["name"]) == ["c"]


CIFAR = "python:vital.networks.cifar_resnet20:cifar_resnet20"


def test_networks_of_all_origins_work_by_name(references: Path, tmp_path: Path) -> None:
    own = vital.visualize(CIFAR, references, units=["automobile"], params=QUICK)
    assert own.images.shape == (1, 3, 32, 32)
    assert list(own.table["unit"]) == [1]
    path = tmp_path / "shufflenet.pth"
    name = "torchvision/shufflenet_v2_x0_5"
    torch.save(redraw(build_network(name, {}), seed=1).state_dict(), path)
    theirs = vital.visualize(
        name, references, checkpoint=path, weights="IMAGENET1K_V1", size=64,
        preprocessing={"mean": [0.5, 0.5, 0.5]}, units=["2"], params=QUICK,
    )  # fmt: skip
    assert theirs.images.shape == (1, 3, 64, 64)
    assert list(theirs.table["name"]) == ["great white shark"]


def test_finished_targets_are_taken_from_the_store(
    checkpoint: Path, references: Path, tmp_path: Path
) -> None:
    first = make(checkpoint, references, units=["0"], out=tmp_path / "out")
    entries = {path: path.read_bytes() for path in (tmp_path / "out" / ".work").rglob("*.s*")}
    again = make(checkpoint, references, out=tmp_path / "out")
    assert torch.equal(again.images[0], first.images[0])
    assert all(path.read_bytes() == content for path, content in entries.items())
    assert len(list((tmp_path / "out" / "images").glob("*.png"))) == 3


def spoil(folder: Path) -> None:
    """Make one file of every kind that is awkward."""
    whole = (folder / "0.png").read_bytes()
    (folder / "0.png").write_bytes(whole[: len(whole) // 2])
    (folder / "1.png").write_text("no image", encoding="utf-8")
    Image.fromarray(np.zeros((40, 36), np.uint8)).save(folder / "grey.png")
    Image.new("CMYK", (40, 36)).save(folder / "cmyk.jpg")
    Image.fromarray(np.full((40, 36), 40000, np.uint16)).save(folder / "deep.png")
    image = Image.new("RGB", (40, 36), "red")
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(folder / "turned.jpg", exif=exif)


def test_awkward_files_are_read_and_broken_ones_reported_and_replaced(
    checkpoint: Path, references: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spoil(references / "0")
    make(checkpoint, references, units=["0"])
    messages = [record.getMessage() for record in caplog.records if "left out" in record.message]
    assert len(messages) == 2
    assert any("0.png is left out: cannot be decoded" in message for message in messages)
    assert any("1.png is left out: not an image" in message for message in messages)


def test_more_references_than_there_are(checkpoint: Path, references: Path) -> None:
    spoil(references / "0")
    with pytest.raises(DataError, match=r"6 readable images \(2 more .*\), but 7 are asked"):
        make(checkpoint, references, units=["0"], per_class=7)


@pytest.mark.parametrize(
    ("changes", "error", "expected"),
    [
        ({"units": ["9"]}, DataError, "'9' is no class"),
        ({"units": ["3"]}, DataError, "no images of unit '3'"),
        ({"taps": ["layer9"]}, ModelError, "no tap 'layer9'; did you mean 'layer"),
        ({"params": {"stepz": 3}}, ParamsError, "did you mean 'steps'"),
        ({"device": "abacus"}, ParamsError, "device 'abacus'"),
        ({"weights": "DEFAULT"}, ModelError, "only torchvision's have such names"),
        ({"preprocessing": {"men": 0}}, ParamsError, r"preprocessing\.men; did you mean 'mean'"),
        ({"model_kwargs": {"num_classes": 9}}, ModelError, "does not fit"),
    ],
)
def test_user_errors_are_named(
    checkpoint: Path,
    references: Path,
    changes: dict[str, object],
    error: type[Exception],
    expected: str,
) -> None:
    with pytest.raises(error, match=expected):
        make(checkpoint, references, **changes)


def test_empty_unknown_and_flat_folders(checkpoint: Path, references: Path, tmp_path: Path) -> None:
    (references / "3").mkdir()
    with pytest.raises(DataError, match=r"class '3' of .* has no readable images"):
        make(checkpoint, references)
    (references / "3").rename(references / "zebra")
    with pytest.raises(DataError, match=r"does not know 1 of the 4 classes.*\n  'zebra'"):
        make(checkpoint, references)
    with pytest.raises(ParamsError, match="say which one unit"):
        make(checkpoint, references / "0")
    assert list(make(checkpoint, references / "0", units=["1"]).table["unit"]) == [1]
    with pytest.raises(DataError, match="is not a folder"):
        make(checkpoint, tmp_path / "nowhere")


def test_every_source_of_the_pipeline_is_taken(
    checkpoint: Path, references: Path, tmp_path: Path
) -> None:
    pytest.importorskip("webdataset")
    expected = make(checkpoint, references, units=["1"]).images
    rows = [
        f"{path.relative_to(references)},{path.parent.name}" for path in references.rglob("*.png")
    ]
    table = references / "table.csv"
    table.write_text("\n".join(["path,label", *sorted(rows)]), encoding="utf-8")
    files = {path.name: path.read_bytes() for path in sorted((references / "1").iterdir())}
    samples = {name.replace(".png", ".cls"): b"1" for name in files}
    names = sorted({**files, **samples})
    write_tar(tmp_path / "shards" / "a.tar", {name: {**files, **samples}[name] for name in names})
    for source in (str(table), table, f"wds/{tmp_path / 'shards'}"):
        assert torch.equal(make(checkpoint, source, units=["1"]).images, expected)


def test_references_may_say_more_than_their_source(checkpoint: Path, references: Path) -> None:
    (references / "1").rename(references / "one")
    source = {"source": str(references.parent), "split": "references", "class_map": {"one": 1}}
    assert list(make(checkpoint, source).table["unit"]) == [0, 1, 2]
    with pytest.raises(ParamsError, match=r"unknown parameter references\.splot; did you mean"):
        make(checkpoint, {"source": str(references), "splot": "x"})
    with pytest.raises(ParamsError, match=r"class_map: no class 'onee'; did you mean 'one'"):
        make(checkpoint, {**source, "class_map": {"onee": 1}})


def command(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "vital.cli", *map(str, arguments)]
    return subprocess.run(line, check=False, capture_output=True, text=True, **options)


def visualize_command(checkpoint: Path, references: Path, out: Path) -> list[object]:
    return [
        "visualize", "--model", "timm/resnet10t", "--checkpoint", checkpoint,
        "--model-kwargs", "channels=[8,8,16,16]", "--model-kwargs", "num_classes=4",
        "--references", references, "--units", "0,2", "--out", out, "--size", 32,
        "--steps", 4, "--seed", 0, "--device", "cpu", "--set", "batch=2",
    ]  # fmt: skip


def test_the_command_line_makes_images(checkpoint: Path, references: Path, tmp_path: Path) -> None:
    done = command(*visualize_command(checkpoint, references, tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "out" / "images").glob("*.png"))) == 2
    assert "probability" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["visualize", "--model", "timm/resnet18"], "both --model and --references"),
        (["taps", "timm/resnet81"], "did you mean"),
        (["estimate", "nowhere.yaml"], "nowhere.yaml does not exist"),
        (["prepare"], "no stages/prepare.py here"),
        (["summary"], "does not exist"),
    ],
)
def test_user_errors_end_in_one_message(
    arguments: list[str], expected: str, tmp_path: Path
) -> None:
    done = command(*arguments, cwd=tmp_path)
    assert done.returncode != 0
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_an_estimate_counts_a_coarse_step_by_its_pixels(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    content = read_params(ROOT / "params.yaml")
    steps = content["visualize"]["steps"]
    content["extract"]["pools"] = [2]
    content["visualize"]["coarse"] = {"steps": 4 * steps, "pool": 2}
    YAML(typ="safe").dump(content, params)
    block = read_block(read_params(params), "visualize", VisualizeParams)
    assert full_size_steps(block.method()) == 2 * steps
    assert "visualize" in command("estimate", params).stdout


def test_commands_take_names_of_all_origins(references: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    own = run(app, ["taps", CIFAR, "--size", "64"])
    assert own.stdout.split()[-4:] == ["layer3.2", "64", "256", "1.0"]
    theirs = run(app, ["taps", "torchvision/vit_b_32", "--weights", "IMAGENET1K_V1", "--all"])
    assert "encoder.layers.encoder_layer_11.mlp.0" in theirs.stdout
    arguments = ["--model", CIFAR, "--references", references, "--units", "bird", "--steps", 2]
    settings = ["--preprocessing", "crop_pct=0.9", "--set", "batch=1", "--out", tmp_path / "out"]
    made = run(app, ["visualize", *map(str, [*arguments, *settings])])
    assert made.exit_code == 0, made.output
    assert "bird" in made.stdout


def _limit_files() -> None:
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_a_full_disk_is_explained_and_nothing_finished_is_lost(
    checkpoint: Path, references: Path, tmp_path: Path
) -> None:
    line = visualize_command(checkpoint, references, tmp_path / "out")
    small = command(*line, preexec_fn=_limit_files)
    assert small.returncode == 1
    assert "no space left" in small.stderr
    assert "Traceback" not in small.stderr
    assert not list((tmp_path / "out").rglob("*.partial"))
    assert command(*line).returncode == 0


def test_ctrl_c_saves_the_step_and_says_so(
    checkpoint: Path, references: Path, tmp_path: Path
) -> None:
    line = [*visualize_command(checkpoint, references, tmp_path / "out"), "--steps", 100_000]
    line = [sys.executable, "-m", "vital.cli", *line, "--set", "checkpoint_every=10"]
    with subprocess.Popen([*map(str, line)], stderr=subprocess.PIPE, text=True) as process:
        while not list((tmp_path / "out" / ".work").glob("*/*.checkpoint.safetensors")):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 1
    assert "vital: interrupted by SIGINT: stopped after step" in errors
    assert "Traceback" not in errors


def test_an_output_folder_that_is_a_file_is_explained(
    checkpoint: Path, references: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("in the way", encoding="utf-8")
    done = command(*visualize_command(checkpoint, references, tmp_path / "out"))
    assert done.returncode == 1
    assert "out" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_read_only_output_folder_is_explained(
    checkpoint: Path, references: Path, tmp_path: Path
) -> None:
    mount = tmp_path / "mounted"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", mount], check=False).returncode:
        pytest.skip("this machine does not let tests mount")
    try:
        done = command(*visualize_command(checkpoint, references, mount / "out"))
    finally:
        subprocess.run(["umount", mount], check=True)
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr
    assert "Traceback" not in done.stderr
