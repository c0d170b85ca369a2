"""The audit trail as JSON lines, for other machines: everything at once, or as it grows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import func, select

from app.tables import AuditEvent
from app.web.extensions import db

BATCH = 1000


def since(event_id: int) -> Iterator[str]:
    """The rows after this one as they stand now, oldest first, one JSON object a line."""
    for _id, text in _numbered(event_id):
        yield text


def follow(event_id: int, pause: Callable[[], bool]) -> Iterator[str]:
    """The same, and then those that come, until `pause` says no."""
    while True:
        for number, text in _numbered(event_id):
            event_id = number
            yield text
        if not pause():
            return


def newest_id() -> int:
    """0 while there is no row."""
    return db.session.scalar(select(func.max(AuditEvent.id))) or 0


def line(event: AuditEvent) -> str:
    """One row with its seal. `salt` and `details` are empty where the image was deleted."""
    return json.dumps(
        {
            "id": event.id, "at": event.created_at.isoformat(timespec="microseconds"), "actor": event.actor,
            "action": event.action, "image": event.image_id, "request": event.request_id, "details": event.details,
            "salt": event.salt, "details_sha256": event.details_sha256, "sealed_with": event.sealed_with,
            "seal": event.seal,
        },
        ensure_ascii=False,
    )  # fmt: skip


def _numbered(event_id: int) -> Iterator[tuple[int, str]]:
    while batch := _after(event_id):
        texts = [(event.id, line(event)) for event in batch]
        db.session.rollback()  # whoever reads slowly holds no connection and no old state
        yield from texts
        event_id = texts[-1][0]
    db.session.rollback()


def _after(event_id: int) -> Sequence[AuditEvent]:
    query = select(AuditEvent).where(AuditEvent.id > event_id).order_by(AuditEvent.id).limit(BATCH)
    return db.session.scalars(query).all()
