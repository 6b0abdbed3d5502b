"""What a processor's own description says that it can do."""

from __future__ import annotations

import pytest

from vital.runtime import processor
from vital.runtime.processor import multiplies_bfloat16


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("processor : 0\nflags\t\t: fpu amx_bf16 avx512f\nbugs : x\n", True),
        ("processor : 0\nflags\t\t: fpu avx512_bf16\n", True),
        ("processor : 0\nflags\t\t: fpu avx512f avx512_fp16 amx_tile amx_int8\n", False),
        ("processor : 0\nmodel name : amx_bf16\nFeatures : asimd bf16\n", False),
        ("", False),
    ],
)
def test_only_a_processor_with_the_instructions_multiplies_bfloat16(
    text: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "processor_text", lambda: text)
    assert multiplies_bfloat16() == expected


def test_where_there_is_no_description_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_given: object, **_options: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(processor.Path, "read_text", missing)
    assert processor.processor_text() == ""
    assert not multiplies_bfloat16()
