"""Who did what and when. Written in the same transaction as the act; features never read it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from app.tables.moment import Moment, now
from app.web.extensions import db


class AuditEvent(db.Model):  # type: ignore[name-defined, misc]
    """`actor` is a login name, "visitor", "api" or "system".

    `details` never holds patient data, and is emptied when its image is deleted; `salt` goes with it. The other columns
    below it are described in `app/audit/seals.py`.
    """

    __tablename__ = "audit_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    created_at: Mapped[datetime] = mapped_column(Moment, default=now, index=True)
    actor: Mapped[str] = mapped_column(String(80), index=True)
    action: Mapped[str] = mapped_column(String(48), index=True)  # noun.verb, for instance image.delete
    image_id: Mapped[str | None] = mapped_column(String(32), index=True)
    request_id: Mapped[str | None] = mapped_column(String(32))
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    salt: Mapped[str | None] = mapped_column(String(32))
    details_sha256: Mapped[str] = mapped_column(String(64))
    sealed_with: Mapped[str] = mapped_column(String(8))
    seal: Mapped[str] = mapped_column(String(64))
