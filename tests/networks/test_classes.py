"""Which class a name means: by a map, never by position."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.data import ImageNetInfo
from torchvision.models import ResNet18_Weights

from vital.errors import DataError
from vital.networks.classes import ClassMap, resolve_labels

IMAGENET = ClassMap((), 1000)


def complaint(known: ClassMap, *names: str, **mapped: str) -> str:
    with pytest.raises(DataError) as caught:
        known.find_all({**{name: name for name in names}, **mapped})
    return str(caught.value)


def test_every_synset_is_the_class_of_its_index() -> None:
    synsets = ImageNetInfo().label_names()
    assert IMAGENET.find_all({name: name for name in synsets}) == {
        name: index for index, name in enumerate(synsets)
    }


def test_every_description_is_the_class_of_its_index() -> None:
    descriptions = ImageNetInfo().label_descriptions()
    clear = {text: text for text in descriptions if text not in ("crane", "maillot")}
    found = IMAGENET.find_all(clear)
    assert len(found) == 1000 - 3
    assert all(descriptions[index] == text for text, index in found.items())


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("tabby", 281),
        ("Tabby_Cat", 281),
        ("tabby, tabby cat", 281),
        ("281", 281),
        ("0281", 281),
        ("crayfish", 124),  # the first name of this class, and a later one of another
        ("n02012849", 134),
    ],
)
def test_imagenet_classes_by_any_of_their_names(text: str, index: int) -> None:
    assert IMAGENET.find(text) == index


def test_torchvisions_names_are_imagenets_too() -> None:
    known = ClassMap(ResNet18_Weights.IMAGENET1K_V1.meta["categories"], 1000)
    assert known.find("n02123045") == 281
    assert known.find("crane bird") == 134
    assert known.find("crane") == 517
    assert known.names[134] == "crane bird"


def test_a_thousand_other_classes_have_no_synsets() -> None:
    known = ClassMap([f"thing {index}" for index in range(1000)], 1000)
    assert known.find("thing_7") == 7
    with pytest.raises(DataError, match="no class of the network"):
        known.find("n02123045")


def test_larger_imagenets_are_known_by_their_size() -> None:
    known = ClassMap((), 21843)
    assert known.names[known.find("n02123045")] == "tabby"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=8, unique=True))
def test_own_names_are_always_found(names: list[str]) -> None:
    known = ClassMap(names, len(names))
    assert known.find_all({name: name for name in names}) == {
        name: index for index, name in enumerate(names)
    }


def test_a_number_is_an_index_only_where_no_class_is_called_by_another() -> None:
    assert ClassMap(("a", "b"), 2).find("1") == 1
    digits = ClassMap(("3", "7"), 2)
    assert digits.find("7") == 1
    with pytest.raises(DataError, match="'1' is no class"):
        digits.find("1")


@pytest.mark.parametrize("text", ["²", "-1", "1.0", "9" * 5000, "", "../0", "२"])
def test_what_is_no_index_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="is no class of the network"):
        ClassMap((), 5).find(text)


def test_all_unknown_names_are_listed_with_candidates() -> None:
    message = complaint(IMAGENET, "tabby", "tabbi", "quux", "crane", hund="golden retrieve")
    assert "does not know 4 of the 5 classes" in message
    assert "\n  'tabbi': did you mean 'tabby' or" in message
    assert "\n  'quux'\n" in message
    assert "\n  'crane' could be class 134 or 517\n" in message
    assert "\n  'hund' mapped to 'golden retrieve': did you mean 'golden retriever'" in message
    assert "(1000 in all)" in message
    assert "data.class_map: {'tabbi': 'tabby'}" in message


def test_a_long_list_of_unknown_names_is_cut() -> None:
    message = complaint(ClassMap(("a",), 1), *(f"unknown {n}" for n in range(50)))
    assert "does not know 50 of the 50" in message
    assert "and 30 more" in message
    assert len(message.splitlines()) < 30


def test_two_names_of_one_class_are_refused() -> None:
    message = complaint(IMAGENET, "n02123045", "tabby", "tench")
    assert "'n02123045' and 'tabby' are both class 281 ('tabby')" in message
    assert "'x' and 'y' are both class 3" in complaint(IMAGENET, x="3", y="3")


def test_labels_of_a_manifest_become_those_of_the_network() -> None:
    names = ["n02123045", "tench", "tench", "7"]
    manifest = pd.DataFrame({"path": list("abcd"), "label": [0, 1, 1, 2], "class_name": names})
    resolved = resolve_labels(manifest, IMAGENET)
    assert list(resolved["label"]) == [281, 0, 0, 7]
    assert list(resolved["class_name"]) == ["tabby", "tench", "tench", "cock"]
    assert list(resolved["path"]) == list(manifest["path"])
    assert list(manifest["label"]) == [0, 1, 1, 2]


def test_classes_are_found_by_name_index_and_synset() -> None:
    imagenet = ClassMap((), 1000)
    assert imagenet.find("n02123045") == 281
    assert imagenet.find("tabby") == 281
    assert imagenet.find("281") == 281
    assert imagenet.find("Siamese_cat") == 284
    with pytest.raises(DataError, match="not unique"):
        imagenet.find("crane")
    with pytest.raises(DataError, match=r"'taby' is no class.*'tabby'"):
        imagenet.find("taby")
    assert ClassMap(("a", "b"), 2).find("b") == 1
    with pytest.raises(DataError):
        ClassMap((), 10).find("12")
