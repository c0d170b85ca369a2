"""Taking stock of what is kept."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import version
from app.pages.admin import age
from app.pages.system import number_text, size_text
from app.upkeep import inventory


def _fill(root: Path, folders: int, files: int) -> None:
    for number in range(folders):
        folder = root / f"{number:02x}"
        folder.mkdir(parents=True)
        for name in range(files):
            (folder / f"{name}.png").write_bytes(b"x" * 100)


def test_files_and_bytes_are_counted(tmp_path: Path) -> None:
    _fill(tmp_path / "pictures", folders=4, files=3)
    use = inventory.storage_use(tmp_path / "pictures", look_for_s=60)
    assert (use.files, use.size_bytes, use.is_estimate) == (12, 1200, False)
    assert use.free_bytes > 0


def test_when_time_is_short_the_rest_is_estimated(tmp_path: Path) -> None:
    _fill(tmp_path / "pictures", folders=8, files=5)
    use = inventory.storage_use(tmp_path / "pictures", look_for_s=-1)
    assert (use.files, use.size_bytes, use.is_estimate) == (40, 4000, True)


def test_a_store_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    assert inventory.storage_use(tmp_path / "pictures").files == 0


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (34_500_000, "34.5 MB"), (2 * 10**12, "2.0 TB")],
)
def test_sizes_are_written_in_the_unit_that_reads_best(size: int, text: str) -> None:
    assert size_text(size).replace("\u202f", " ") == text


def test_large_numbers_are_grouped() -> None:
    assert number_text(1234567) == "1\u202f234\u202f567"


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "now"), (59, "59 min"), (60, "1 h"), (47 * 60, "47 h"), (48 * 60, "2 days"), (-5, "now")]
)
def test_ages_are_written_in_the_largest_unit_that_fits(minutes: int, text: str) -> None:
    present = datetime(2026, 3, 1, tzinfo=UTC)
    assert age(present - timedelta(minutes=minutes), present) == text


def test_the_version_is_the_one_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["version"] == version.VERSION
