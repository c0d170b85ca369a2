"""A login. Kept on the server, so that logging out or disabling a user ends it at once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.tables.moment import Moment, now
from app.tables.user import User
from app.web.extensions import db


class LoginSession(db.Model):  # type: ignore[name-defined, misc]
    """`token_sha256` is of the secret in the browser's cookie; the secret itself is not kept.

    `last_seen_at` is written once a minute at most, so it may lie a minute behind.
    """

    __tablename__ = "login_session"

    id: Mapped[int] = mapped_column(primary_key=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    last_seen_at: Mapped[datetime] = mapped_column(Moment, default=now)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    ended_at: Mapped[datetime | None] = mapped_column(Moment)

    user: Mapped[User] = relationship()
