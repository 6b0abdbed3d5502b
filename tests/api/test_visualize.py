"""The library function on a folder of images."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import vital
from helpers.efficientnet_lite import INSTALLED, LITE
from helpers.library_calls import QUICK, make
from helpers.own_images import write_tar
from helpers.own_networks import CLASSES, SEEN, Net
from helpers.small_networks import KWARGS, redraw
from vital.errors import DataError, ModelError, ParamsError
from vital.images.preprocessing import Preprocessing
from vital.networks.build import build_network
from vital.runtime.locks import HeldError, only_run


def test_images_come_with_a_table(checkpoint: Path, references: Path) -> None:
    made = make(checkpoint, references, seeds=2)
    assert made.images.shape == (6, 3, 32, 32)
    assert float(made.images.min()) >= 0
    assert float(made.images.max()) <= 1
    assert list(made.table["unit"]) == [0, 0, 1, 1, 2, 2]
    assert (made.table["probability"] > 0).all()


@pytest.mark.parametrize("parametrization", ["pixels", "fourier"])
def test_a_unit_alone_is_the_same_as_with_others(
    checkpoint: Path, references: Path, parametrization: str
) -> None:
    params = {**QUICK, "parametrization": parametrization}
    together = make(checkpoint, references, params=params)
    alone = make(checkpoint, references, units=["1"], params=params)
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


PIXELS = {**QUICK, "parametrization": "pixels"}


def test_the_colours_of_images_do_not_depend_on_what_is_shown(
    checkpoint: Path, references: Path
) -> None:
    """They are those of the source."""
    alone = make(checkpoint, references, units=["1"])
    Image.new("RGB", (36, 40), "red").save(references / "2" / "red.png")
    others = make(checkpoint, references, units=["1"])
    assert not torch.equal(others.images[0], alone.images[0])


def test_a_flat_folder_has_colours_of_its_own(checkpoint: Path, references: Path) -> None:
    made = make(checkpoint, references / "1", units=["1"])
    assert made.images.shape == (1, 3, 32, 32)


def test_pixels_have_settings_of_their_own(checkpoint: Path, references: Path) -> None:
    theirs = {"lr": 0.2, "tv": 0.001, "scale": 0.0}
    made = make(checkpoint, references, params=PIXELS)
    assert torch.equal(made.images, make(checkpoint, references, params=PIXELS | theirs).images)
    assert not torch.equal(made.images, make(checkpoint, references).images)


def test_seeds_take_sets_of_references_in_turn(checkpoint: Path, references: Path) -> None:
    count = len(list((references / "1").iterdir()))
    together = make(checkpoint, references, units=["1"], seeds=3, sets=1)
    apart = make(checkpoint, references, units=["1"], seeds=3, sets=count)
    assert not torch.equal(apart.images, together.images)
    expected = rf"sets: {count + 1} are more than the {count} references of unit"
    with pytest.raises(ParamsError, match=expected):
        make(checkpoint, references, units=["1"], sets=count + 1)


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


@pytest.mark.skipif(not INSTALLED, reason="the packages of the extra lite are not installed")
def test_a_real_network_needs_no_file(references: Path) -> None:
    made = vital.visualize(LITE[0], references, size=64, units=["2"], params=QUICK)
    assert made.images.shape == (1, 3, 64, 64)
    assert list(made.table["name"]) == ["great white shark"]


def test_finished_targets_are_taken_from_the_store(
    checkpoint: Path, references: Path, tmp_path: Path
) -> None:
    first = make(checkpoint, references, units=["0"], out=tmp_path / "out")
    entries = {path: path.read_bytes() for path in (tmp_path / "out" / ".work").rglob("*.s*")}
    again = make(checkpoint, references, out=tmp_path / "out")
    assert torch.equal(again.images[0], first.images[0])
    assert all(path.read_bytes() == content for path, content in entries.items())
    assert len(list((tmp_path / "out" / "images").glob("*.png"))) == 3


def test_two_calls_into_one_folder_are_told_of_each_other(
    checkpoint: Path, references: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with (
        only_run(out / ".work", "visualize"),
        pytest.raises(HeldError) as caught,
        ThreadPoolExecutor(1) as pool,
    ):
        pool.submit(make, checkpoint, references, units=["0"], out=out).result()
    said = f"{out}: a call of visualize is already being run by process {os.getpid()} on "
    assert str(caught.value).startswith(said)
    assert not (out / "images").exists()
    assert len(make(checkpoint, references, units=["0"], out=out).table) == 1


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
    expected = make(checkpoint, references, units=["1"], params=PIXELS).images
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
        made = make(checkpoint, source, units=["1"], params=PIXELS)
        assert torch.equal(made.images, expected)


def test_references_may_say_more_than_their_source(checkpoint: Path, references: Path) -> None:
    (references / "1").rename(references / "one")
    source = {"source": str(references.parent), "split": "references", "class_map": {"one": 1}}
    assert list(make(checkpoint, source).table["unit"]) == [0, 1, 2]
    with pytest.raises(ParamsError, match=r"unknown parameter references\.splot; did you mean"):
        make(checkpoint, {"source": str(references), "splot": "x"})
    with pytest.raises(ParamsError, match=r"class_map: no class 'onee'; did you mean 'one'"):
        make(checkpoint, {**source, "class_map": {"onee": 1}})


def test_the_logits_may_be_one_of_several_outputs(references: Path) -> None:
    network = Net(after=lambda logits: {"one": logits, "other": logits + 1})
    one, other = (
        vital.visualize(
            network, references, output=output, classes=CLASSES, units=["b"], params=QUICK, **SEEN
        ).table["activation"][0]
        for output in ("one", "other")
    )
    assert other == pytest.approx(one + 1, abs=1e-4)


def test_the_table_names_files_that_are_there(
    checkpoint: Path, references: Path, tmp_path: Path
) -> None:
    apart = make(checkpoint, references, units=["1"])
    assert list(apart.table["image"]) == [None]
    assert list(apart.table["transparent"]) == [None]
    written = make(checkpoint, references, units=["1"], out=tmp_path / "out")
    (path,) = written.table["image"]
    with Image.open(path) as image, Image.open(tmp_path / "out" / "sheet.png") as sheet:
        expected = (written.images[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
        assert np.array_equal(np.asarray(image), expected)
        assert np.array_equal(np.asarray(sheet), expected)
