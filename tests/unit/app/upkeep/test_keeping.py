"""Check, backup and restore on a real database and real files."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.reading import analysis, images, intake, layers
from app.reading.intake import Actor
from app.store.database import writing
from app.tables import Analysis, Image
from app.tables.image import DONE
from app.upkeep import backup, integrity
from app.upkeep.backup import BadBackup
from app.web.extensions import db
from app.workers import tasks
from app.workers.services import services

SENDER = Actor("1" * 64, "visitor")


@pytest.fixture
def product(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The product, its worker at rest: the test decides when it works."""
    monkeypatch.setattr(tasks.Worker, "wake", lambda _self, has_queued=False: None)
    with app.app_context():
        yield app


@pytest.fixture
def image_ids(product: Flask, scan: Callable[..., bytes]) -> list[str]:
    """Three analysed images."""
    ids = [intake.receive(scan(seed), SENDER).image_id for seed in range(3)]
    analysis.analyse(tasks.lease(4, 120))
    return ids


def picture_of(image_id: str) -> Path:
    return services().store.path(images.find(image_id).picture_sha256)


class TestChecking:
    def test_what_is_whole_is_sound(self, image_ids: list[str]) -> None:
        report = integrity.check()
        assert (report.is_sound, report.images, report.orphans) == (True, len(image_ids), [])

    def test_a_damaged_picture_is_reported_with_its_image(self, image_ids: list[str]) -> None:
        path = picture_of(image_ids[1])
        path.write_bytes(path.read_bytes()[:-5])
        report = integrity.check()
        assert (report.is_sound, report.damaged) == (False, [image_ids[1]])

    def test_lost_results_are_made_again_with_the_same_answer(self, image_ids: list[str]) -> None:
        first = images.find(image_ids[0]).analysis
        assert first is not None
        key, before = first.mask_sha256, services().store.content(first.mask_sha256)
        services().store.remove(key)
        integrity.check(is_mending=True)
        analysis.analyse(tasks.lease(4, 120))
        assert services().store.content(key) == before
        assert integrity.check().is_sound

    def test_a_lost_thumbnail_is_no_loss(self, image_ids: list[str]) -> None:
        image = images.find(image_ids[0])
        layers.render(image, layers.THUMBNAIL)
        layers._keeping.submit(lambda: None).result(timeout=20)
        db.session.rollback()
        path = services().store.path(image.analyses[-1].thumbnail_sha256)
        path.write_bytes(path.read_bytes()[:-5])
        assert integrity.check(is_mending=True).is_sound
        assert not path.exists()
        assert images.find(image_ids[0]).status == DONE  # not read again for it

    def test_only_the_newest_analysis_has_results_to_lose(self, image_ids: list[str]) -> None:
        first = images.find(image_ids[0]).analysis
        assert first is not None
        newer = Analysis(
            image_id=first.image_id, findings=first.findings, category=first.category, models_version="later",
            provider=first.provider, mask_sha256=first.mask_sha256, heat_sha256=first.heat_sha256,
        )  # fmt: skip
        first.mask_sha256 = "0" * 64  # a file that is gone
        db.session.add(newer)
        db.session.commit()
        assert integrity.check().is_sound

    def test_what_was_given_up_is_told_and_read_again_when_mending(self, image_ids: list[str]) -> None:
        with writing():
            tasks.give_up(images.find(image_ids[1]))
        report = integrity.check()
        assert (report.is_sound, report.given_up) == (True, [image_ids[1]])
        integrity.check(is_mending=True)
        analysis.analyse(tasks.lease(4, 120))
        assert images.find(image_ids[1]).status == DONE
        assert integrity.check().given_up == []

    def test_pictures_that_belong_to_nobody_are_removed_only_when_mending(self, image_ids: list[str]) -> None:
        db.session.delete(images.find(image_ids[2]))
        db.session.commit()
        assert integrity.check().orphans
        integrity.check(is_mending=True)
        report = integrity.check()
        assert (report.is_sound, report.orphans, report.images) == (True, [], 2)


class TestBackup:
    def test_a_restored_backup_holds_what_was_there_and_the_present_is_set_aside(
        self, product: Flask, image_ids: list[str], tmp_path: Path
    ) -> None:
        data = product.config["DATA_DIR"]
        fitted = data / "recalibrated" / "0001.json"
        fitted.parent.mkdir()
        fitted.write_text("fitted here")
        copied = backup.create(data, tmp_path / "copy")
        assert (copied.images, copied.missing) == (3, ())
        fitted.write_text("fitted later")
        images.delete(image_ids[0], "visitor")
        db.session.remove()
        db.engine.dispose()
        point = backup.restore(tmp_path / "copy", data)
        assert {row.id: row.status for row in db.session.query(Image)} == dict.fromkeys(image_ids, DONE)
        assert integrity.check().is_sound
        with sqlite3.connect(point / backup.DATABASE) as earlier:
            assert earlier.execute("SELECT COUNT(*) FROM image").fetchone() == (2,)
        assert fitted.read_text() == "fitted here"
        assert (point / "recalibrated" / "0001.json").read_text() == "fitted later"
        earlier.close()

    def test_an_existing_folder_is_never_overwritten(self, product: Flask, tmp_path: Path) -> None:
        (tmp_path / "copy").mkdir()
        with pytest.raises(BadBackup, match="exists"):
            backup.create(product.config["DATA_DIR"], tmp_path / "copy")

    @pytest.mark.usefixtures("image_ids")
    def test_a_damaged_backup_is_refused_and_nothing_is_touched(self, product: Flask, tmp_path: Path) -> None:
        data, copy = product.config["DATA_DIR"], tmp_path / "copy"
        backup.create(data, copy)
        keys = {row.picture_sha256 for row in db.session.query(Image)}
        path = next(path for path in (copy / backup.PICTURES).glob("*/*.png") if path.stem in keys)
        path.write_bytes(b"damaged")
        with pytest.raises(BadBackup, match="damaged"):
            backup.restore(copy, data)
        assert integrity.check().is_sound

    def test_restoring_is_refused_while_the_server_runs(self, product: Flask, tmp_path: Path) -> None:
        data = product.config["DATA_DIR"]
        backup.create(data, tmp_path / "copy")
        with (data / "worker.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # as a running server's worker does
            with pytest.raises(BadBackup, match="running"):
                backup.restore(tmp_path / "copy", data)

    def test_a_folder_without_a_database_is_no_backup(self, product: Flask, tmp_path: Path) -> None:
        with pytest.raises(BadBackup, match="holds no"):
            backup.restore(tmp_path, product.config["DATA_DIR"])
