"""Reads the audit trail for the people who watch over it. Nothing else in the product reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from app.tables import AuditEvent
from app.tables.image import reference_prefix
from app.web.extensions import db

PAGE_SIZE = 100
# Every act that is recorded anywhere, for the page to suggest; a test compares it with the code.
ACTIONS = (
    "clinics.merge",
    "clinics.replace",
    "export.csv",
    "login.end",
    "login.refuse",
    "login.succeed",
    "models.recalibrate",
    "models.undo",
    "image.analyse",
    "image.decline",
    "image.delete",
    "image.receive",
    "image.rerun",
    "image.review",
    "user.create",
    "user.disable",
    "user.enable",
    "user.password",
    "user.role",
)


@dataclass(frozen=True)
class TrailPage:
    """One page, newest first."""

    events: Sequence[AuditEvent]
    number: int
    has_more: bool


def page_of(actor: str | None, action: str | None, reference: str | None, number: int = 1) -> TrailPage:
    """A page of the trail, counted from 1, narrowed to one actor, one action and the start of one id."""
    query = (
        select(AuditEvent)
        .where(*_conditions(actor, action, reference))
        .order_by(AuditEvent.id.desc())
        .offset((number - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE + 1)
    )
    events = db.session.scalars(query).all()
    return TrailPage(events[:PAGE_SIZE], number, len(events) > PAGE_SIZE)


def of_image(image_id: str) -> Sequence[AuditEvent]:
    """Everything that happened to one image, oldest first."""
    query = select(AuditEvent).where(AuditEvent.image_id == image_id).order_by(AuditEvent.id)
    return db.session.scalars(query).all()


def _conditions(actor: str | None, action: str | None, reference: str | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if actor:
        conditions.append(AuditEvent.actor == actor)
    if action:
        conditions.append(AuditEvent.action == action)
    if reference:
        prefix = reference_prefix(reference)
        in_range = (AuditEvent.image_id >= prefix) & (AuditEvent.image_id < f"{prefix}g")
        conditions.append(in_range if prefix is not None else AuditEvent.id.is_(None))
    return conditions
