"""Finds and deletes studies."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import func, or_, select

from app import audit
from app.store.database import writing
from app.tables import Analysis, Study
from app.tables.study import QUEUED, RUNNING
from app.web.extensions import db
from app.workers.services import services

_ID = re.compile(r"^[0-9a-f]{32}\Z")
STEPS = ("received", "checked", "outlined", "weighed")


class UnknownStudy(LookupError):
    """There is no study with this id (404)."""


@dataclass(frozen=True)
class Progress:
    """Where a study stands: the step under way, and how many of the steps are done."""

    step: str
    done: int
    of: int


def find(study_id: str) -> Study:
    """The study with this id.

    Raises:
        UnknownStudy: there is none, or the text is not an id.
    """
    study = db.session.get(Study, study_id) if _ID.match(study_id) else None
    if study is None:
        raise UnknownStudy("There is no result at this address. It may have been deleted.")
    return study


def count_waiting() -> int:
    """How many studies wait or are being read."""
    counted = select(func.count()).select_from(Study).where(Study.status.in_((QUEUED, RUNNING)))
    return db.session.scalar(counted) or 0


def progress(study: Study) -> Progress:
    """How far a study has come: received and checked until everything is done.

    One that is running is no further: its row does not say whether the networks have begun.
    """
    done = 2 if study.status in (QUEUED, RUNNING) else len(STEPS)
    return Progress(STEPS[min(done, len(STEPS) - 1)], done, len(STEPS))


def delete(study_id: str, actor: str) -> None:
    """Delete a study with everything kept for it; the audit trail keeps who did what when, not what was found.

    Raises:
        UnknownStudy: there is none.
    """
    find(study_id)
    with writing():
        study = db.session.get(Study, study_id)
        if study is None:
            return
        keys = _keys(study)
        db.session.delete(study)
        audit.forget_details(study_id)
        audit.record(actor, "study.delete", study_id)
    forget(keys)


def forget(keys: set[str]) -> None:
    """Remove kept pictures that no row names. Under the write lock, so that no upload of the same pixels slips in."""
    if not keys:
        return
    with writing():
        for key in keys:
            if not is_named(key):
                services().store.remove(key)


def _keys(study: Study) -> set[str]:
    keys = {study.picture_sha256}
    for analysis in study.analyses:
        keys |= {analysis.mask_sha256, analysis.heat_sha256 or "", analysis.thumbnail_sha256}
    return keys - {""}


def is_named(key: str) -> bool:
    """True when a study or an analysis names this kept picture."""
    named_by_study = select(Study.id).where(Study.picture_sha256 == key).limit(1)
    named_by_analysis = (
        select(Analysis.id)
        .where(or_(Analysis.mask_sha256 == key, Analysis.heat_sha256 == key, Analysis.thumbnail_sha256 == key))
        .limit(1)
    )
    return db.session.scalar(named_by_study) is not None or db.session.scalar(named_by_analysis) is not None
