"""The command line on a folder of images."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from helpers.commands import command
from helpers.messages import refusal
from helpers.small_networks import write_references
from vital.cli import app

CIFAR = "python:vital.networks.cifar_resnet20:cifar_resnet20"


@pytest.fixture
def references(tmp_path: Path) -> Path:
    return write_references(tmp_path / "references")


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
    with Image.open(tmp_path / "out" / "sheet.png") as sheet:
        assert sheet.size == (64, 32)
    again = command(*visualize_command(checkpoint, references, tmp_path / "out"), "--json")
    rows = json.loads(again.stdout)
    assert [row["unit"] for row in rows] == [0, 2]
    assert all(Path(row["image"]).is_file() for row in rows)


def test_a_key_that_the_checkpoint_lacks_is_named(
    checkpoint: Path, references: Path, tmp_path: Path
) -> None:
    line = visualize_command(checkpoint, references, tmp_path / "out")
    done = command(*line, "--weights-key", "ema")
    assert "--weights-key 'ema'; its weights have no key" in refusal(done, "vital")


@pytest.mark.parametrize(
    ("arguments", "name", "expected"),
    [
        (["visualize", "--model", "timm/resnet18"], "vital", "both --model and --references"),
        (["visualize", "--json"], "vital", "--json has no effect on the stage"),
        (["visualize", "--set", "steps=3"], "vital", "--set has no effect on the stage"),
        (["taps", "timm/resnet81"], "vital", "did you mean"),
        (["estimate", "nowhere.yaml"], "vital", "nowhere.yaml does not exist"),
        (["prepare"], "vital", "no params.yaml here"),
        (["summary"], "vital", "does not exist"),
    ],
)
def test_user_errors_end_in_one_message(
    arguments: list[str], name: str, expected: str, tmp_path: Path
) -> None:
    assert expected in refusal(command(*arguments, cwd=tmp_path), name)


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


def test_the_version_is_told() -> None:
    done = command("--version")
    assert done.stdout.split() == ["vital", metadata.version("vital")]


def completed(*words: str) -> list[str]:
    """What bash would offer in place of the last of the words."""
    asked = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    done = command(env={**os.environ, **asked, "_VITAL_COMPLETE": "complete_bash"})
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_shell_completes_commands_and_options() -> None:
    assert completed("vital", "vis") == ["visualize"]
    assert completed("vital", "visualize", "--per") == ["--per-class"]
    assert completed("vital", "profile", "") == ["list", "show", "use"]


TWO_OUTPUTS = """
from torch import nn

class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)

    def forward(self, x):
        maps = self.stem(x)
        return maps, maps.mean((2, 3))
"""


def test_the_logits_are_named_among_outputs(references: Path, tmp_path: Path) -> None:
    (tmp_path / "two_outputs.py").write_text(TWO_OUTPUTS, encoding="utf-8")
    arguments = [
        "visualize", "--model", "python:two_outputs:Two", "--references", references, "--taps",
        "stem", "--units", "1", "--steps", 2, "--set", "batch=1", "--out", tmp_path / "out",
        "--preprocessing", "mean=[0.5,0.5,0.5]", "--preprocessing", "std=[0.5,0.5,0.5]",
        "--size", 32,
    ]  # fmt: skip
    vague = command(*arguments, cwd=tmp_path)
    assert vague.returncode == 1
    assert "say by --output" in vague.stderr
    named = command(*arguments, "--output", "1", cwd=tmp_path)
    assert named.returncode == 0, named.stderr


def _limit_files() -> None:
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_a_full_disk_is_explained_and_nothing_finished_is_lost(
    checkpoint: Path, references: Path, tmp_path: Path
) -> None:
    line = visualize_command(checkpoint, references, tmp_path / "out")
    small = command(*line, preexec_fn=_limit_files)
    assert "no space left" in refusal(small, "vital")
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
    assert f"{tmp_path}/out" in refusal(done, "vital")


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
    assert "Read-only file system" in refusal(done, "vital")
