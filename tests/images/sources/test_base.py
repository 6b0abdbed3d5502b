"""What all sources share: packages of their own are asked for."""

from __future__ import annotations

import sys

import pytest

from helpers.image_sources import pool_of
from vital.errors import DataError


@pytest.mark.parametrize(
    ("source", "package", "extra"),
    [
        ("hfds/x", "datasets", "hfds"),
        ("hfids/x", "datasets", "hfds"),
        ("wds/x", "webdataset", "wds"),
    ],
)
def test_a_missing_extra_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, source: str, package: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DataError) as caught:
        pool_of(source)
    assert f"needs the package {package}: pip install 'vital[{extra}]'" in str(caught.value)
    assert "\n" not in str(caught.value)
