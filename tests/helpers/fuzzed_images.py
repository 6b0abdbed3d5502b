"""A small project on folders of awkward files: its light stages run, or say in a line why not."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from helpers.messages import unclean_end
from helpers.repository import ROOT
from vital.artefacts.manifest import read_manifest
from vital.images.files import read_image

STAGES = ("prepare", "units", "references", "relevance")
"""Without inner units they need no network; in most cases only the first runs."""

SECONDS = 60

_PARAMS = """\
seed: {seed}
data: {{source: photos, size: {size}, per_class: {{train: 2, validation: 1, heldout: 4}}}}
model: {{name: timm/resnet10t, pretrained: true}}
units: {{}}
extract: {{references: 2, batch: 2}}
references: {{}}
relevance: {{}}
methods: [vital]
visualize: {{steps: 2, lr: 0.1}}
peers: {{}}
judges: []
score: {{}}
report: {{}}
"""

NAMES = (
    "a",
    "B",
    "c d",
    "\u00e9",
    "\u732b",
    "-x",
    ".hidden",
    "a'b\"c",
    "x" * 200,
    "n\nl",
    "NA",
    "1",
    "01",
)
ENDINGS = (".png", ".jpg", ".JPG", ".gif", ".txt", ".webp", ".bmp", ".tif", "", ".png.png", ".avif")


KINDS = (
    ("CMYK", "JPEG"), ("P", "PNG"), ("L", "PNG"), ("LA", "PNG"), ("1", "PNG"), ("RGBA", "TIFF"),
    ("I;16", "PNG"), ("F", "TIFF"), ("RGB", "ICO"), ("RGB", "TGA"), ("RGB", "PPM"),
)  # fmt: skip


def images_case(draws: Random, folder: Path) -> tuple[str, str]:
    """Run the stages on files that are made here; judge how they end and what they wrote."""
    source = folder / "photos"
    for name in draws.sample(NAMES, draws.randint(1, 3)):
        _fill(draws, source / name)
    size = draws.choice(("null", "16", "24", "4000"))
    text = _PARAMS.format(seed=draws.randrange(3), size=size)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    said = []
    for stage in STAGES if draws.random() < 0.1 else STAGES[:1]:
        done = _run(stage, folder)
        said.append(f"{stage}: {done.returncode}\n{done.stderr[-1500:]}")
        if done.returncode != 0:
            problem = _unclear(stage, done)
            return ("unclear", problem + "\n" + said[-1]) if problem else ("refused", said[-1])
    problem = _wrong_manifest(folder / "data" / "images")
    return ("wrong result", problem) if problem else ("effective", "")


def _run(stage: str, folder: Path) -> subprocess.CompletedProcess[str]:
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "VITAL_TRACKING": "off"}
    return subprocess.run(
        [sys.executable, "-m", f"stages.{stage}"], cwd=folder, env=surroundings, check=False,
        capture_output=True, text=True, errors="replace", timeout=SECONDS,
    )  # fmt: skip


def _unclear(stage: str, done: subprocess.CompletedProcess[str]) -> str:
    """What is wrong with how a stage ended, or nothing."""
    return "too much memory" if "memory is used up" in done.stderr else unclean_end(done, stage)


def _wrong_manifest(folder: Path) -> str:
    for row in read_manifest(folder).itertuples():
        size = read_image(folder / str(row.path)).size
        if size != (row.width, row.height):
            return f"{row.path} is {size}, not {(row.width, row.height)}"
    return ""


def _fill(draws: Random, folder: Path) -> None:
    """Some good images, so that there may be enough, and some that are awkward."""
    folder.mkdir(parents=True)
    for number in range(draws.choice((5, 8, 9, 12))):
        (folder / f"{number}.png").write_bytes(_content(draws))
    for number in range(draws.randint(0, 6)):
        name = draws.choice(NAMES) + str(number) + draws.choice(ENDINGS)
        draws.choice(AWKWARD)(draws, folder / name)


def _pixels(draws: Random, height: int, width: int, kind: str = "RGB") -> Image.Image:
    noise = np.random.default_rng(draws.randrange(2**32)).integers(
        0, 255, (height, width, 3), np.uint8
    )
    return Image.fromarray(noise).convert(kind)


def _content(draws: Random, kind: str = "RGB", form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image = _pixels(draws, draws.randint(8, 60), draws.randint(8, 60), kind)
    image.save(buffer, format=form, **options)
    return buffer.getvalue()


def _truncated(draws: Random, path: Path) -> None:
    content = _content(draws)
    path.write_bytes(content[: draws.randrange(len(content))])


def _changed(draws: Random, path: Path) -> None:
    content = bytearray(_content(draws, form=draws.choice(("PNG", "JPEG", "GIF", "TIFF", "WEBP"))))
    for _ in range(draws.randint(1, 20)):
        content[draws.randrange(len(content))] = draws.randrange(256)
    path.write_bytes(bytes(content))


def _of_another_kind(draws: Random, path: Path) -> None:
    kind, form = draws.choice(KINDS)
    if kind in ("I;16", "F"):
        values = np.random.default_rng(draws.randrange(2**32)).integers(0, 60_000, (20, 30))
        image = Image.fromarray(values.astype(np.uint16 if kind == "I;16" else np.float32))
        image.save(path, format=form)
    else:
        path.write_bytes(_content(draws, kind, form))


def _narrow(draws: Random, path: Path) -> None:
    long = draws.choice((300, 3000, 20_000))
    height, width = draws.choice(((1, long), (long, 1), (2, long), (1, 1)))
    _pixels(draws, height, width).save(path, format="PNG")


def _animated(draws: Random, path: Path) -> None:
    frames = [_pixels(draws, 20, 20) for _ in range(3)]
    form = draws.choice(("GIF", "WEBP", "PNG"))
    frames[0].save(path, format=form, save_all=True, append_images=frames[1:])


def _nothing(draws: Random, path: Path) -> None:
    path.write_bytes(draws.choice((b"", b"\0" * 100, b"<svg/>", b"%!PS-Adobe-3.0\n")))


def _loop(draws: Random, path: Path) -> None:
    path.symlink_to(draws.choice((path.name, "..", ".", "/nowhere", "0.png")))


def _special(draws: Random, path: Path) -> None:
    draws.choice((os.mkfifo, os.mkdir))(path)


def _not_utf8(draws: Random, path: Path) -> None:
    Path(os.fsdecode(os.fsencode(path.parent) + b"/caf\xe9.png")).write_bytes(_content(draws))


def _twin(draws: Random, path: Path) -> None:
    path.write_bytes((path.parent / "0.png").read_bytes())


AWKWARD: tuple[Callable[[Random, Path], None], ...] = (
    _truncated, _changed, _of_another_kind, _narrow, _animated, _nothing, _loop, _special,
    _not_utf8, _twin,
)  # fmt: skip
