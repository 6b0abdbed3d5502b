"""Nested parameters told flat."""

from __future__ import annotations

import datetime

from vital.params.flat import as_json, flatten


def test_names_are_dotted_and_values_kept() -> None:
    block = {"steps": 3, "inner": {"taps": ["a", "b"]}, "tap_weights": {}}
    content = {"seed": 0, "visualize": block}
    assert dict(flatten(content)) == {
        "seed": 0,
        "visualize.steps": 3,
        "visualize.inner.taps": ["a", "b"],
        "visualize.tap_weights": {},
    }


def test_equal_values_have_one_text() -> None:
    one, other = {"b": 1, "a": datetime.date(2020, 1, 2)}, {"a": datetime.date(2020, 1, 2), "b": 1}
    assert as_json(one) == as_json(other) == '{"a": "2020-01-02", "b": 1}'
