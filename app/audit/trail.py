"""Reads the audit trail for the people who watch over it. Nothing else in the product reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select

from app.tables import AuditEvent
from app.tables.image import reference_prefix
from app.web.extensions import db

PAGE_SIZE = 100
# Every act that is recorded anywhere, for the page to suggest; a test compares it with the code.
ACTIONS = (
    "audit.export",
    "clinics.merge",
    "clinics.replace",
    "export.csv",
    "image.view",
    "list.view",
    "login.end",
    "login.refuse",
    "login.succeed",
    "models.recalibrate",
    "models.undo",
    "password.refuse",
    "image.analyse",
    "image.decline",
    "image.delete",
    "image.receive",
    "image.rerun",
    "image.review",
    "images.delete",
    "user.create",
    "user.disable",
    "user.enable",
    "user.password",
    "user.role",
)
LOOKS = ("image.view", "list.view")
ACTS, LOOKS_ALONE, EVERYTHING = "acts", "looks", "all"
# Kinds of acts that the page can be narrowed to, by the start of an action's name. Looks are many: a kind of their own.
KINDS: dict[str, tuple[str, ...]] = {
    "images": ("image.", "images.", "export."),
    "logins": ("login.", "password."),
    "users": ("user.",),
    "server": ("audit.", "clinics.", "models."),
}


@dataclass(frozen=True)
class Wanted:
    """What the trail is narrowed to; None leaves a filter out.

    Attributes:
        kind: one of `KINDS`, `ACTS`, `LOOKS_ALONE` or `EVERYTHING`; None means `ACTS`, unless an action is named.
        reference: the start of an image's id.
    """

    actor: str | None = None
    action: str | None = None
    reference: str | None = None
    kind: str | None = None


@dataclass(frozen=True)
class TrailPage:
    """One page, newest first."""

    events: Sequence[AuditEvent]
    number: int
    has_more: bool


def page_of(wanted: Wanted, number: int = 1) -> TrailPage:
    """A page of the trail, counted from 1."""
    query = (
        select(AuditEvent)
        .where(*_conditions(wanted))
        .order_by(AuditEvent.id.desc())
        .offset((number - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE + 1)
    )
    events = db.session.scalars(query).all()
    return TrailPage(events[:PAGE_SIZE], number, len(events) > PAGE_SIZE)


def of_image(image_id: str) -> Sequence[AuditEvent]:
    """Everything that happened to one image but looks, oldest first."""
    is_of_it = (AuditEvent.image_id == image_id) & AuditEvent.action.not_in(LOOKS)
    query = select(AuditEvent).where(is_of_it).order_by(AuditEvent.id)
    return db.session.scalars(query).all()


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    conditions = _kind_conditions(wanted)
    if wanted.actor:
        conditions.append(AuditEvent.actor == wanted.actor)
    if wanted.action:
        conditions.append(AuditEvent.action == wanted.action)
    if wanted.reference:
        prefix = reference_prefix(wanted.reference)
        in_range = (AuditEvent.image_id >= prefix) & (AuditEvent.image_id < f"{prefix}g")
        conditions.append(in_range if prefix is not None else AuditEvent.id.is_(None))
    return conditions


def _kind_conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    kind = wanted.kind or (EVERYTHING if wanted.action else ACTS)
    if kind == LOOKS_ALONE:
        return [AuditEvent.action.in_(LOOKS)]
    conditions: list[ColumnElement[bool]] = [] if kind == EVERYTHING else [AuditEvent.action.not_in(LOOKS)]
    if kind in KINDS:
        conditions.append(or_(*(AuditEvent.action.startswith(start) for start in KINDS[kind])))
    return conditions
