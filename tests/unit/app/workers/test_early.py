"""Pictures that are read while their rows are written: only what was kept gets an answer, whatever happens between."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask

from app.reading import analysis, intake
from app.reading.intake import Actor
from app.tables import Analysis, Image
from app.tables.image import DONE, RUNNING
from app.web.extensions import db
from app.workers import tasks
from app.workers.early import Offer, Offers
from imaging.errors import RefusedUpload
from imaging.picture import Picture

SENDER = Actor("1" * 64, "visitor")


def picture(side: int = 100) -> Picture:
    return Picture(np.zeros((side, side), dtype=np.uint8), "png")


@pytest.fixture
def offers(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Offers:
    """What the worker would take; it does not run here."""
    made = Offers(most=4)
    monkeypatch.setattr(tasks.Worker, "wake", lambda _self, has_queued=False: None)
    monkeypatch.setattr(tasks.Worker, "offer", lambda _self, image_id, pixels: made.make(image_id, pixels))
    return made


def test_only_so_many_pictures_wait_in_memory() -> None:
    offers = Offers(most=2)
    assert [offers.make(str(number), picture()) is None for number in range(3)] == [False, False, True]
    assert [offer.image_id for offer in offers.take(4)] == ["0", "1"]
    assert offers.take(4) == []


def test_only_so_many_pixels_wait_in_memory() -> None:
    offers = Offers(most=9, most_pixels=25_000)
    assert [offers.make(str(number), picture()) is None for number in range(3)] == [False, False, True]


def test_the_first_word_about_an_offer_counts() -> None:
    kept, withdrawn = Offer("a", picture()), Offer("b", picture())
    kept.settle(is_kept=True)
    kept.settle(is_kept=False)
    withdrawn.settle(is_kept=False)
    assert kept.is_kept()
    assert not withdrawn.is_kept()


def test_an_offered_picture_is_leased_by_birth_and_gets_one_answer(
    app: Flask, offers: Offers, scan: Callable[..., bytes]
) -> None:
    with app.app_context():
        receipt = intake.receive(scan(1), SENDER)
        born = db.session.get_one(Image, receipt.image_id)
        assert (born.status, born.attempts) == (RUNNING, 1)
        assert born.lease_until is not None
        analysis.analyse_early(offers.take(4))
        assert db.session.get_one(Image, receipt.image_id).status == DONE
        assert db.session.query(Analysis).count() == 1


def test_a_second_copy_that_arrives_meanwhile_adds_nothing(
    app: Flask, offers: Offers, scan: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        first = intake.receive(scan(1), SENDER)
        monkeypatch.setattr(intake, "_earlier", lambda *_: None)  # both looked before either was there
        second = intake.receive(scan(1), SENDER)
        assert (second.image_id, second.is_new) == (first.image_id, False)
        analysis.analyse_early(offers.take(4))
        assert db.session.query(Analysis).count() == 1


def test_nothing_is_stored_of_a_picture_whose_row_failed(
    app: Flask, offers: Offers, scan: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    with app.app_context():
        monkeypatch.setattr("app.store.pictures.PictureStore.write", full)
        with pytest.raises(intake.StorageFull):
            intake.receive(scan(1), SENDER)
        analysis.analyse_early(offers.take(4))
        assert db.session.query(Image).count() == 0
        assert db.session.query(Analysis).count() == 0


def test_what_fails_early_is_read_again_from_what_was_kept(
    app: Flask, offers: Offers, scan: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    judge = analysis.judge

    def fails_once(pictures: list[Picture]) -> object:
        calls.append(len(pictures))
        if len(calls) == 1:
            raise RuntimeError("the networks broke off")
        return judge(pictures)

    with app.app_context():
        monkeypatch.setattr(analysis, "judge", fails_once)
        receipt = intake.receive(scan(1), SENDER)
        analysis.analyse_early(offers.take(4))
        assert calls == [1, 1]
        assert db.session.get_one(Image, receipt.image_id).status == DONE


def test_a_refused_file_is_never_offered(app: Flask, offers: Offers) -> None:
    with app.app_context(), pytest.raises(RefusedUpload):
        intake.receive(b"no picture", SENDER)
    assert offers.take(4) == []
