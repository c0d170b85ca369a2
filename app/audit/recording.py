"""Writes the audit trail: `audit.record(...)` in the transaction of the act itself."""

from __future__ import annotations

from typing import Any

from flask import g, has_request_context
from sqlalchemy import update

from app.tables import AuditEvent
from app.web.extensions import db


def record(actor: str, action: str, image_id: str | None = None, **details: Any) -> None:
    """Add an audit event to the current session; the caller commits.

    Args:
        actor: login name, "visitor", "api" or "system".
        action: noun.verb, for instance "image.delete".
        details: plain values without patient data.
    """
    request_id = g.get("request_id") if has_request_context() else None
    db.session.add(AuditEvent(actor=actor, action=action, image_id=image_id, request_id=request_id, details=details))


def forget(image_id: str, name: str) -> None:
    """Empty what the events of an image say of it and call it by another name, in the current session.

    Who did what and when stays, and that it was done to one and the same.
    """
    about = update(AuditEvent).where(AuditEvent.image_id == image_id)
    db.session.execute(about.values(details={}, image_id=name))
