"""Which backups a data folder knows of, and which of them are old enough to go."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.store import erasures, known_backups
from app.store.known_backups import Known

NOW = datetime(2026, 3, 31, tzinfo=UTC)
NAME = erasures.name_of("1" * 32)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that knows of backups of 30, 20 and 10 days ago."""
    (tmp_path / "data").mkdir()
    for days in (30, 20, 10):
        remember(tmp_path, days)
    return tmp_path / "data"


def remember(folder: Path, days: int) -> None:
    path = folder / f"copy-{days}"
    path.write_text("content")
    known_backups.remember(folder / "data", Known(path, NOW - timedelta(days=days), path.stat().st_size))


def left(data: Path) -> list[str]:
    return [one.path.name for one in known_backups.known(data)]


@pytest.mark.parametrize(
    ("keep_days", "retention_days", "wanted"),
    [
        (0, 0, ["copy-30", "copy-20", "copy-10"]),
        (25, 0, ["copy-20", "copy-10"]),
        (5, 0, ["copy-10"]),  # the newest stays
        (0, 25, ["copy-20", "copy-10"]),
        (0, 5, []),  # but not beyond what pictures are kept
    ],
)
def test_the_old_ones_go(data: Path, keep_days: int, retention_days: int, wanted: list[str]) -> None:
    gone = known_backups.remove_expired(data, NOW, keep_days, retention_days)
    assert (left(data), gone) == (wanted, 3 - len(wanted))
    assert sorted(path.name for path in data.parent.glob("copy-*")) == sorted(wanted)


def test_what_lies_where_a_backup_was_is_left_alone(data: Path, tmp_path: Path) -> None:
    (tmp_path / "copy-30").write_text("something else")
    (tmp_path / "copy-20").unlink()
    (tmp_path / "copy-20").symlink_to(tmp_path / "copy-10")
    assert known_backups.remove_expired(data, NOW, 15, 0) == 0
    assert (tmp_path / "copy-30").exists()


def test_the_list_of_deletions_follows_beside_every_backup(data: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    remember_elsewhere = tmp_path / "elsewhere" / "copy"
    remember_elsewhere.write_text("content")
    known_backups.remember(data, Known(remember_elsewhere, NOW, 7))
    erasures.add(data, [NAME])
    known_backups.mirror(data)
    assert erasures.read(tmp_path) == erasures.read(tmp_path / "elsewhere") == {NAME}


def test_one_place_that_can_t_be_written_keeps_no_other_from_following(
    data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "another").mkdir()
    (tmp_path / "another" / "erased.txt").mkdir()
    path = tmp_path / "another" / "copy"
    path.write_text("content")
    known_backups.remember(data, Known(path, NOW, 7))
    erasures.add(data, [NAME])
    known_backups.mirror(data)
    assert erasures.read(tmp_path) == {NAME}
    assert "is behind" in caplog.text


def test_the_folder_that_release_0_2_0_made_is_known_too(tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    (folder / "backup.json").write_text("{}")
    note = {"folder": str(folder), "made": "2026-03-01T00:00:00+00:00"}
    (tmp_path / "last-backup.json").write_text(json.dumps(note))
    assert left(tmp_path) == ["copy"]
    assert known_backups.newest(tmp_path) == f"{folder} of 2026-03-01T00:00:00+00:00"
    assert known_backups.remove_expired(tmp_path, NOW, 0, 5) == 1
    assert not folder.exists()
    assert not (tmp_path / "last-backup.json").exists()


@pytest.mark.parametrize("text", ["", "{", "{}", "[1, {}]", '[{"path": 1, "made": "x", "size": 1}]'])
def test_a_damaged_note_names_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "backups.json").write_text(text)
    assert known_backups.newest(tmp_path) is None
