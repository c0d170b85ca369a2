"""Nobody but the user of the server reads what is kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.store import rights


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """The umask of most machines, and back to what it was."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.usefixtures("usual_umask")
def test_what_is_made_from_then_on_is_the_owner_s_alone(tmp_path: Path) -> None:
    rights.keep_to_owner()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").touch()
    assert (mode(tmp_path / "folder"), mode(tmp_path / "folder" / "file")) == (0o700, 0o600)


@pytest.fixture
def wide(tmp_path: Path) -> Path:
    """A data folder as a version before made it."""
    for path in (tmp_path / "data", tmp_path / "data" / "pictures", tmp_path / "data" / "pictures" / "ab"):
        path.mkdir()
        path.chmod(0o755)
    for path in (tmp_path / "data" / "sonotriage.db", tmp_path / "data" / "pictures" / "ab" / "a.png"):
        path.touch()
        path.chmod(0o644)
    return tmp_path / "data"


def test_a_folder_of_an_earlier_version_is_closed_with_one_line(wide: Path, caplog: pytest.LogCaptureFixture) -> None:
    rights.tighten(wide)
    assert {mode(path) for path in [wide, *wide.rglob("*")]} == {0o700, 0o600}
    assert [(record.message, record.files) for record in caplog.records] == [
        ("rights of other users on what is kept were taken away", 5)
    ]
    rights.tighten(wide)
    assert len(caplog.records) == 1


def test_what_a_link_leads_to_is_left_alone(wide: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch()
    other.chmod(0o644)
    (wide / "link").symlink_to(other)
    rights.tighten(wide)
    assert mode(other) == 0o644


def test_rights_that_can_t_be_changed_are_told_and_stop_nothing(
    wide: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    rights.tighten(wide)
    assert "the rights can't be changed" in caplog.records[0].message


def test_a_folder_that_is_not_there_yet_is_no_matter(tmp_path: Path) -> None:
    rights.tighten(tmp_path / "none")
