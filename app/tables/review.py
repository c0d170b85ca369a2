"""A clinician's verdict on an image. A later verdict adds a row; none is overwritten."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.tables.moment import Moment, now
from app.tables.user import User
from app.web.extensions import db

AGREE, DISAGREE = "agree", "disagree"


class Review(db.Model):  # type: ignore[name-defined, misc]
    """`label` is the class that the reviewer holds to be right; with *agree* it equals the program's."""

    __tablename__ = "review"

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[str] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    analysis_id: Mapped[int | None] = mapped_column(ForeignKey("analysis.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    verdict: Mapped[str] = mapped_column(String(16))
    label: Mapped[str | None] = mapped_column(String(16))
    note: Mapped[str] = mapped_column(String(2000), default="")

    user: Mapped[User] = relationship()
