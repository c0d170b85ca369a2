"""Verdicts are added, never changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from app import accounts
from app.reading.images import UnknownStudy
from app.review import verdicts
from app.review.verdicts import RefusedVerdict, Verdict
from app.tables import AuditEvent, Review, Study
from app.web.extensions import db
from app.workers.services import services
from tests.factories.staff import PASSWORD, SETTINGS, add_analysis, add_study


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app(**SETTINGS)
    with app.app_context():
        accounts.create("ada", PASSWORD, "reviewer", actor="system")
    return app


def _newest(study_id: str) -> int:
    return db.session.get_one(Study, study_id).analyses[-1].id


def test_agreeing_keeps_the_programs_class_and_marks_the_study(app: Flask) -> None:
    with app.app_context():
        study_id = add_study(malignant=0.8)
        verdicts.record(study_id, 1, "ada", Verdict("agree", note="  clear  ", analysis_id=_newest(study_id)))

        study = db.session.get_one(Study, study_id)
        assert [(r.verdict, r.label, r.note) for r in study.reviews] == [("agree", "malignant", "clear")]
        assert study.is_reviewed
        assert study.work_rank >= 10
        event = db.session.scalars(select(AuditEvent).where(AuditEvent.action == "study.review")).one()
        assert (event.actor, event.study_id, event.details["label"]) == ("ada", study_id, "malignant")


def test_a_later_verdict_stands_beside_the_earlier_one(app: Flask) -> None:
    with app.app_context():
        study_id = add_study()
        for verdict in (
            Verdict("agree", analysis_id=_newest(study_id)),
            Verdict("disagree", "benign", "", _newest(study_id)),
        ):
            verdicts.record(study_id, 1, "ada", verdict)

        assert [r.verdict for r in db.session.scalars(select(Review).order_by(Review.id))] == ["agree", "disagree"]


@pytest.mark.parametrize("verdict", [Verdict("disagree", "malignant"), Verdict("perhaps"), Verdict("disagree", "cyst")])
def test_verdicts_that_contradict_themselves_leave_nothing_behind(app: Flask, verdict: Verdict) -> None:
    with app.app_context():
        study_id = add_study(malignant=0.8)
        with pytest.raises(RefusedVerdict):
            verdicts.record(study_id, 1, "ada", Verdict(verdict.verdict, verdict.label, "", _newest(study_id)))

        assert db.session.scalar(select(Review.id)) is None
        assert not db.session.get_one(Study, study_id).is_reviewed
        assert db.session.scalar(select(AuditEvent.id).where(AuditEvent.action == "study.review")) is None


def test_a_verdict_on_an_answer_that_was_replaced_is_refused(app: Flask) -> None:
    with app.app_context():
        study_id = add_study()
        seen = _newest(study_id)
        study = db.session.get_one(Study, study_id)
        add_analysis(study, services().store.get(study.picture_sha256), 0.1)
        db.session.commit()

        with pytest.raises(RefusedVerdict) as refusal:
            verdicts.record(study_id, 1, "ada", Verdict("agree", analysis_id=seen))
        assert refusal.value.status == 409


def test_waiting_studies_cannot_be_judged_but_declined_ones_can(app: Flask) -> None:
    with app.app_context():
        waiting, declined = add_study(status="running"), add_study(status="declined")
        with pytest.raises(RefusedVerdict):
            verdicts.record(waiting, 1, "ada", Verdict("agree"))

        verdicts.record(declined, 1, "ada", Verdict("disagree", "normal", "a usable picture"))
        assert db.session.get_one(Study, declined).reviews[0].label == "normal"


def test_an_unknown_study_is_said_to_be_unknown(app: Flask) -> None:
    with app.app_context(), pytest.raises(UnknownStudy):
        verdicts.record("f" * 32, 1, "ada", Verdict("agree"))
