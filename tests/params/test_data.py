"""The block ``data``: what fits a source, and which reader a source has."""

from __future__ import annotations

import pytest

from helpers.params import complaint
from vital.params.data import DataParams, source_kind

PER_CLASS = {"train": 4, "validation": 2, "heldout": 4}


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"source": "photographs"}, "data.size is missing: the source 'photographs'"),
        (
            {"source": "photographs", "size": 24, "root": "x", "splits": {"train": "a"}},
            "data.root has no meaning for the source 'photographs'\ndata.splits has no meaning",
        ),
        ({"source": "photos/", "columns": {"image": "x"}}, "data.columns has no meaning"),
        ({"source": "a.tar", "splits": {"train": "x"}}, "data.splits has no meaning"),
        ({"source": "torch/mnist"}, "data.root is missing: the source 'torch/mnist'"),
        ({"source": "hfds/"}, "data.source 'hfds/' names no images"),
        ({"source": " "}, "data.source ' ' names no images"),
        ({"source": "tfds/mnist"}, "data.source 'tfds/mnist' cannot be read here"),
        ({"source": "x", "splits": {"train": "a", "valid": "b"}}, "did you mean 'validation'"),
        ({"source": "x", "splits": {"heldout": "b"}}, "data.splits.train is missing"),
        ({"source": "x", "classes": []}, "data.classes"),
        ({"source": "x", "size": 3}, "data.size: 3 cannot be used"),
    ],
)
def test_what_does_not_fit_a_source_is_named(block: dict[str, object], expected: str) -> None:
    assert expected in complaint({"per_class": PER_CLASS, **block}, "data", DataParams)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("photographs", "photographs"),
        ("./photographs", "folder"),
        ("photos", "folder"),
        ("./wds/x", "folder"),
        ("hfds/x/y", "hfds"),
        ("HFDS/x", "hfds"),
        ("a/b.CSV", "table"),
        ("b.parquet", "table"),
        ("a.tar", "tar"),
    ],
)
def test_a_source_says_what_reads_it(source: str, kind: str) -> None:
    assert source_kind(source) == kind
