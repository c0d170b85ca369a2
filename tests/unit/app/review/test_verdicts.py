"""Verdicts are added, never changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from app import accounts
from app.reading.images import UnknownImage
from app.review import verdicts
from app.review.verdicts import RefusedVerdict, Verdict
from app.tables import AuditEvent, Image, Review
from app.web.extensions import db
from app.workers.services import services
from tests.factories.staff import PASSWORD, SETTINGS, add_analysis, add_image


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app(**SETTINGS)
    with app.app_context():
        accounts.create("ada", PASSWORD, "reviewer", actor="system")
    return app


def _newest(image_id: str) -> int:
    return db.session.get_one(Image, image_id).analyses[-1].id


def test_agreeing_keeps_the_programs_class_and_marks_the_image(app: Flask) -> None:
    with app.app_context():
        image_id = add_image(malignant=0.8)
        verdicts.record(image_id, 1, "ada", Verdict("agree", note="  clear  ", analysis_id=_newest(image_id)))

        image = db.session.get_one(Image, image_id)
        assert [(r.verdict, r.label, r.note) for r in image.reviews] == [("agree", "malignant", "clear")]
        assert image.is_reviewed
        assert image.work_rank >= 10
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "image.review")).one()
        assert (event.actor, event.image_id, event.details["label"]) == ("ada", image_id, "malignant")


def test_a_later_verdict_stands_beside_the_earlier_one(app: Flask) -> None:
    with app.app_context():
        image_id = add_image()
        for verdict in (
            Verdict("agree", analysis_id=_newest(image_id)),
            Verdict("disagree", "benign", "", _newest(image_id)),
        ):
            verdicts.record(image_id, 1, "ada", verdict)

        assert [r.verdict for r in db.session.scalars(select(Review).order_by(Review.id))] == ["agree", "disagree"]


@pytest.mark.parametrize("verdict", [Verdict("disagree", "malignant"), Verdict("perhaps"), Verdict("disagree", "cyst")])
def test_verdicts_that_contradict_themselves_leave_nothing_behind(app: Flask, verdict: Verdict) -> None:
    with app.app_context():
        image_id = add_image(malignant=0.8)
        with pytest.raises(RefusedVerdict):
            verdicts.record(image_id, 1, "ada", Verdict(verdict.verdict, verdict.label, "", _newest(image_id)))

        assert db.session.scalar(select(Review.id)) is None
        assert not db.session.get_one(Image, image_id).is_reviewed
        assert db.session.scalar(select(AuditEvent.id).where(AuditEvent.action == "image.review")) is None


def test_a_verdict_on_an_answer_that_was_replaced_is_refused(app: Flask) -> None:
    with app.app_context():
        image_id = add_image()
        seen = _newest(image_id)
        image = db.session.get_one(Image, image_id)
        add_analysis(image, services().store.get(image.picture_sha256), 0.1)
        db.session.commit()

        with pytest.raises(RefusedVerdict) as refusal:
            verdicts.record(image_id, 1, "ada", Verdict("agree", analysis_id=seen))
        assert refusal.value.status == 409


def test_waiting_images_cannot_be_judged_but_declined_ones_can(app: Flask) -> None:
    with app.app_context():
        waiting, declined = add_image(status="running"), add_image(status="declined")
        with pytest.raises(RefusedVerdict):
            verdicts.record(waiting, 1, "ada", Verdict("agree"))

        verdicts.record(declined, 1, "ada", Verdict("disagree", "normal", "a usable picture"))
        assert db.session.get_one(Image, declined).reviews[0].label == "normal"


def test_an_unknown_image_is_said_to_be_unknown(app: Flask) -> None:
    with app.app_context(), pytest.raises(UnknownImage):
        verdicts.record("f" * 32, 1, "ada", Verdict("agree"))
