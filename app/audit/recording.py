"""Writes the audit trail: `audit.record(...)` in the transaction of the act itself."""

from __future__ import annotations

from typing import Any, cast

from flask import current_app, g, has_request_context
from sqlalchemy import Table, insert, select, update

from app.audit import seals
from app.audit.seals import Said
from app.store.erasures import short_name_of
from app.tables import AuditEvent
from app.tables.moment import now
from app.web.extensions import db

# Made once: making them takes longer than running them.
_NEWEST = select(AuditEvent.id, AuditEvent.seal).order_by(AuditEvent.id.desc()).limit(1)
_ONE_MORE = insert(cast(Table, AuditEvent.__table__))


def record(actor: str, action: str, image_id: str | None = None, **details: Any) -> None:
    """Add an audit event, sealed after the newest one, in the current transaction; the caller commits.

    Only within `writing()`: the write lock gives the rows their order.

    Args:
        actor: login name, "visitor", "api" or "system".
        action: noun.verb, for instance "image.delete".
        details: plain values without patient data.
    """
    key, salt = seals.key_of(current_app.config["SECRET_KEY"]), seals.new_salt()
    connection = db.session.connection()  # not the session: what waits in it is none of this function's business
    newest = connection.execute(_NEWEST).one_or_none()
    before = newest.seal if newest is not None else seals.FIRST
    said = Said(
        id=newest.id + 1 if newest is not None else 1, created_at=now(), actor=actor, action=action,
        image_name=short_name_of(image_id) if image_id else None,
        request_id=g.get("request_id") if has_request_context() else None, details_sha256=seals.digest(details, salt),
    )  # fmt: skip
    connection.execute(
        _ONE_MORE,
        {
            "id": said.id, "created_at": said.created_at, "actor": actor, "action": action, "image_id": image_id,
            "request_id": said.request_id, "details": details, "salt": salt, "details_sha256": said.details_sha256,
            "sealed_with": key.id, "seal": seals.seal(key, before, said),
        },
    )  # fmt: skip


def forget(image_id: str, name: str) -> None:
    """Empty what the events of an image say of it and call it by another name, in the current session.

    Who did what and when stays, and that it was done to one and the same. The salt goes too, so that the digest that
    the seal needs tells nothing. `verifying` takes such a row for sound only where the deletion is recorded after it.

    Args:
        name: `erasures.short_name_of` the id, which the seals are over from the beginning.
    """
    about = update(AuditEvent).where(AuditEvent.image_id == image_id)
    db.session.execute(about.values(details={}, salt=None, image_id=name))
