"""What was deleted is in no file of the data folder, and does not come back from anywhere."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from app.audit import record
from app.reading import images
from app.store import erasures, wiping
from app.store.database import DATABASE, driver, writing
from app.store.known_backups import Known
from app.store.known_backups import remember as remember_backup
from app.tables import AuditEvent, Image, Review
from app.upkeep import backup, housekeeping, integrity, restoring
from app.upkeep.backup_keys import Keys
from app.upkeep.restoring import Trust
from app.web.extensions import db
from tests.factories.staff import add_image

NOTE = "wide scar after a dog bite"
Run = Callable[[], None]


def files_with(folder: Path, *words: str) -> list[str]:
    """Files below a folder in whose name or bytes one of the words stands."""
    return [
        f"{path.name}: {word}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for word in words
        if word.encode() in path.read_bytes() or word in path.name
    ]


@pytest.fixture
def noted(product: Flask) -> str:
    """An image with a note, a place, a class and lines in the audit trail, among others."""
    for seed in range(2, 6):
        add_image(seed=seed, lesion="oval", malignant=0.1)
    from app import accounts

    user = accounts.create("ada", "three quiet lanterns", "admin", actor="system")
    image_id = add_image(malignant=0.97, place="Behind the mill 7")
    with writing():
        db.session.add(Review(image_id=image_id, user_id=user, verdict="agree", label="malignant", note=NOTE))
        record("system", "image.analyse", image_id, category="urgent", provider="CPUExecutionProvider")
    return image_id


def test_after_a_deletion_its_words_are_in_no_file(data: Path, noted: str) -> None:
    image = images.find(noted)
    words = (noted, NOTE, "Behind the mill", image.picture_sha256, image.content_sha256, "malignant", '"urgent"')
    wiping.empty_log(data)
    assert len(files_with(data, *words)) >= len(words)
    images.delete(noted, "ada")
    wiping.finish()
    assert files_with(data, *words[:5]) == []
    assert db.session.query(AuditEvent).filter_by(action="image.delete").one().image_id == erasures.short_name_of(noted)


def test_the_trail_says_of_what_was_deleted_only_that_it_was_one_and_the_same(noted: str) -> None:
    before = db.session.query(AuditEvent).filter_by(image_id=noted).count()
    images.delete(noted, "ada")
    events = db.session.query(AuditEvent).filter_by(image_id=erasures.short_name_of(noted)).all()
    assert len(events) == before + 1
    assert all(event.details == {} for event in events)


def test_what_sqlite_left_behind_when_it_moved_rows_goes_within_the_hour(data: Path, image_ids: list[str]) -> None:
    """Zeros go over a deleted row, and not over every copy of it that was left when its page was split."""
    ids = [secrets.token_hex(16) for _ in range(600)]
    like = "created_at, wanted_frame, frame, kind, height, width, frames, colour_share, decode_ms, notices, attempts"
    copy = text(
        "INSERT INTO image (id, owner, content_sha256, picture_sha256, status, urgency, is_reviewed, work_rank, "
        f"{like})"
        f" SELECT :id, :id, :id, picture_sha256, 'failed', 0, 0, :rank, {like} FROM image WHERE id = :first"
    )
    with writing():
        for number, one in enumerate(ids):
            db.session.execute(copy, {"id": one, "rank": number % 7, "first": image_ids[0]})
    for one in ids[::3]:
        with writing():
            db.session.execute(text("UPDATE image SET work_rank = 9 WHERE id = :id"), {"id": one})
    for one in ids[::2]:
        images.delete(one, "ada")
    housekeeping.sweep()
    wiping.finish()
    content = (data / DATABASE).read_bytes()
    assert [one for one in ids[::2] if one.encode() in content] == []
    assert all(one.encode() in content for one in ids[1::2])


def test_a_rewrite_waits_while_it_would_take_more_than_its_share_of_the_time() -> None:
    rewrites = wiping.Rewrites()
    assert rewrites.is_due(0.0)
    rewrites.remember(0.0, took_s=2.0)
    assert not rewrites.is_due(1000.0)
    assert rewrites.is_due(2001.0)


def test_a_log_that_somebody_reads_from_is_emptied_later(data: Path, noted: str) -> None:
    with closing(driver.connect(data / DATABASE, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT note FROM review").fetchall() == [(NOTE,)]
        images.delete(noted, "ada")
        assert not wiping.empty_log(data)
        assert files_with(data, NOTE) != []
        reader.execute("COMMIT")
    wiping.finish()
    assert files_with(data, NOTE) == []


@pytest.mark.parametrize("rewrite", [wiping.rewrite, wiping.replace])
def test_remains_from_before_are_written_over_once(tmp_path: Path, rewrite: Callable[[Path], bool]) -> None:
    with closing(driver.connect(tmp_path / DATABASE, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE review (note TEXT)")
        database.execute("INSERT INTO review VALUES (?)", (NOTE,))
        database.execute("DELETE FROM review")
    assert files_with(tmp_path, NOTE) != []
    assert rewrite(tmp_path / DATABASE)
    assert files_with(tmp_path, NOTE) == []
    assert not rewrite(tmp_path / DATABASE)


def test_a_database_that_somebody_has_open_is_not_replaced(data: Path, noted: str) -> None:
    images.delete(noted, "ada")
    wiping.finish()
    with pytest.raises(driver.Error, match="locked"):
        wiping.replace(data / DATABASE)
    assert wiping.rewrite(data / DATABASE)


def test_a_large_database_waits_for_the_next_start(data: Path, noted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiping, "LARGEST_IN_MEMORY", 1000)
    images.delete(noted, "ada")
    housekeeping.sweep()
    wiping.finish()
    assert wiping.rewrite(data / DATABASE)  # it was still to do


def test_prepare_rewrites_a_database_of_an_earlier_version(product: Flask, data: Path, at_rest: Run) -> None:
    at_rest()
    with closing(driver.connect(data / DATABASE, isolation_level=None)) as database:
        database.execute("PRAGMA secure_delete=OFF")
        database.execute(
            "INSERT INTO clinic VALUES (1, ?, 'k', '', '', '', 'DE', '', '', '', 0, 0, 0, '', '')", (NOTE,)
        )
        database.execute("DELETE FROM clinic")
    assert files_with(data, NOTE) != []
    result = product.test_cli_runner().invoke(args=["prepare"])
    assert result.exit_code == 0, result.output
    assert files_with(data, NOTE) == []


class TestHourlyRound:
    def test_what_a_crash_left_between_list_and_row_is_deleted(self, data: Path, noted: str) -> None:
        erasures.add(data, [erasures.name_of(noted)])
        assert integrity.check().returned == [noted]
        housekeeping.sweep()
        assert db.session.get(Image, noted) is None
        assert integrity.check().is_sound

    def test_mending_does_the_same(self, product: Flask, data: Path, noted: str) -> None:
        erasures.add(data, [erasures.name_of(noted)])
        told = product.test_cli_runner().invoke(args=["check"])
        assert (told.exit_code, "deleted and here again: 1" in told.output) == (1, True)
        product.test_cli_runner().invoke(args=["check", "--mend"])
        assert integrity.check().is_sound

    def test_a_restore_point_forgets_what_is_deleted_and_goes_in_time(
        self, product: Flask, data: Path, noted: str, at_rest: Run, public: Keys, trust: Trust, tmp_path: Path
    ) -> None:
        backup.create(data, tmp_path / "copy", public)
        at_rest()
        _, point = restoring.restore(tmp_path / "copy", data, trust)
        images.delete(noted, "ada")
        wiping.finish()
        assert {line.split(":")[0] for line in files_with(data, noted, NOTE)} == {DATABASE}  # of the restore point
        housekeeping.sweep()
        wiping.finish()
        assert files_with(data, noted, NOTE) == []
        assert point.exists()
        product.config["RESTORE_POINT_DAYS"] = 7
        point.rename(data / f"before-restore-{datetime.now(UTC) - timedelta(days=8):%Y%m%dT%H%M%SZ}")
        housekeeping.sweep()
        assert not list(data.glob("before-restore-*"))

    def test_backups_past_their_days_go(self, product: Flask, data: Path, public: Keys, tmp_path: Path) -> None:
        old = tmp_path / "old"
        old.write_text("of long ago")
        remember_backup(data, Known(old, datetime.now(UTC) - timedelta(days=40), old.stat().st_size))
        backup.create(data, tmp_path / "new", public)
        housekeeping.sweep()
        assert old.exists()
        product.config["BACKUP_RETENTION_DAYS"] = 30
        housekeeping.sweep()
        assert [path.exists() for path in (old, tmp_path / "new")] == [False, True]

    @pytest.mark.usefixtures("product")
    def test_the_copy_of_a_backup_that_was_killed_goes_after_an_hour(self, data: Path) -> None:
        young, old = data / "backup-young", data / "restoring-old"
        for folder in (young, old):
            folder.mkdir()
            (folder / DATABASE).write_text(NOTE)
        then = time.time() - 4000
        for path in (old / DATABASE, old):
            os.utime(path, (then, then))
        housekeeping.sweep()
        assert (young.exists(), old.exists()) == (True, False)

    def test_the_list_beside_the_backups_is_brought_up_to_date(
        self, data: Path, noted: str, public: Keys, tmp_path: Path
    ) -> None:
        backup.create(data, tmp_path / "copy", public)
        images.delete(noted, "ada")
        wiping.finish()
        assert erasures.read(tmp_path) == {erasures.name_of(noted)}


def test_a_full_disk_does_not_keep_anybody_from_deleting(
    data: Path, noted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def add(folder: Path, names: list[str]) -> None:
        tries.append(names)
        if len(tries) == 1:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(erasures, "add", add)
    images.delete(noted, "ada")
    assert db.session.get(Image, noted) is None
    assert len(tries) == 2
