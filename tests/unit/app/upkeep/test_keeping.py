"""Checks on a real database and real files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from app.reading import analysis, images, intake, layers
from app.reading.intake import Actor
from app.store.database import writing
from app.tables import Analysis
from app.tables.image import DONE
from app.upkeep import integrity
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
        layers.png(layers.drawing(image, layers.THUMBNAIL))
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
