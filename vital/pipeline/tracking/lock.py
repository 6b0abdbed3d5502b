"""dvc.lock: what the stages have written, as DVC notes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vital.artefacts.checked import Written, WrittenAs, check_content
from vital.errors import ArtefactError, ParamsError
from vital.params.yaml_file import read_yaml


class _Output(Written):
    """A file or folder; its digest is under the name of the algorithm."""

    path: str
    hash: str = "md5"


class _Outputs(WrittenAs[dict[str, tuple[_Output, ...]]]):
    """Those of each stage."""


def read_outputs(path: Path) -> Mapping[str, Sequence[Mapping[str, Any]]]:
    """Each stage's outputs. Raises ArtefactError when the file is missing or damaged."""
    try:
        content = read_yaml(path)
    except ParamsError as error:
        raise ArtefactError(f"{path} is damaged: {error}") from None
    stages = content.get("stages") if isinstance(content, dict) else content
    records = (stages or {}) if isinstance(stages, dict | None) else {"stages": stages}
    outputs = {
        str(name): record.get("outs") or [] if isinstance(record, dict) else record
        for name, record in records.items()
    }
    check_content(outputs, path, _Outputs)
    return outputs
