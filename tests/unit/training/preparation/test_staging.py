"""What a folder holds is replaced together or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.preparation.staging import staged

pytestmark = pytest.mark.training


def test_files_take_the_place_of_the_old_ones_and_leave_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "manifest.json").write_text("old")
    (folder / "README.md").write_text("kept")
    with staged(folder) as temporary:
        (temporary / "manifest.json").write_text("new")
        assert (folder / "manifest.json").read_text() == "old"
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"manifest.json": "new", "README.md": "kept"}
    assert list(tmp_path.iterdir()) == [folder]


def test_a_failure_leaves_everything_as_it_was(tmp_path: Path) -> None:
    def write_what_differs() -> None:
        with staged(tmp_path / "models") as temporary:
            (temporary / "unet.onnx").write_text("wrong")
            raise ValueError("differs")

    with pytest.raises(ValueError, match="differs"):
        write_what_differs()
    assert list(tmp_path.iterdir()) == []
