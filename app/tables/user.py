"""Someone who may log in."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.tables.moment import Moment, now
from app.web.extensions import db

REVIEWER, ADMIN = "reviewer", "admin"


class User(db.Model):  # type: ignore[name-defined, misc]
    """`role` is reviewer or admin; a disabled user is kept, because reviews and the audit trail name them.

    `must_change_password` is true while the password is one that somebody else gave.
    """

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)  # login name, lower case
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16), default=REVIEWER)
    is_enabled: Mapped[bool] = mapped_column(default=True)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    last_login_at: Mapped[datetime | None] = mapped_column(Moment)
