"""One run of the networks over an image. A re-run adds a row; none is overwritten."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from app.tables.moment import Moment, now
from app.web.extensions import db


class Analysis(db.Model):  # type: ignore[name-defined, misc]
    """`findings` is `results.to_json` of the Findings; arrays live in the picture store under their sha256."""

    __tablename__ = "analysis"

    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[str] = mapped_column(ForeignKey("image.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment, default=now)
    findings: Mapped[dict[str, Any]] = mapped_column(JSON)
    category: Mapped[str] = mapped_column(String(16))
    models_version: Mapped[str] = mapped_column(String(64))
    provider: Mapped[str] = mapped_column(String(48))
    mask_sha256: Mapped[str] = mapped_column(String(64), index=True)
    heat_sha256: Mapped[str | None] = mapped_column(String(64), index=True)
    thumbnail_sha256: Mapped[str] = mapped_column(String(64), index=True, default="")  # empty until it is looked at
