"""What DVC's files say."""

from __future__ import annotations

from pathlib import Path

from vital.artefacts.project import Project
from vital.pipeline.tracking import complete_parent, is_complete
from vital.pipeline.tracking.dvc_files import dvc_hash


def test_a_templated_input_stands_for_its_folder(project: Project) -> None:
    (project.root / "methods").mkdir()
    complete_parent(project)
    (project.root / "methods" / "maco.py").write_text("pass\n")
    assert not is_complete(project)


def test_a_folder_has_the_hash_that_dvc_gives_it(tmp_path: Path) -> None:
    for name, text in {"a.txt": "one", "sub/b.txt": "two", "sub-c.txt": "x"}.items():
        (tmp_path / "f" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "f" / name).write_text(text)
    known = "5c6265bcb29bb3ad585be4efb1bd9225.dir"
    assert dvc_hash(tmp_path / "f") == known
    (tmp_path / "g.dvc").write_text(f"outs: [{{md5: {known}, path: g}}]")
    assert dvc_hash(tmp_path / "g") == known
