"""A clinic of the directory: facts, each with its source and date."""

from __future__ import annotations

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.web.extensions import db


class Clinic(db.Model):  # type: ignore[name-defined, misc]
    """`kind` is breast_clinic, cancer_centre, mammography or hospital; `is_approximate` marks city-level points."""

    __tablename__ = "clinic"
    __table_args__ = (Index("ix_clinic_point", "latitude", "longitude"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(24))
    address: Mapped[str] = mapped_column(String(300), default="")
    city: Mapped[str] = mapped_column(String(120), default="")
    region: Mapped[str] = mapped_column(String(120), default="")
    country: Mapped[str] = mapped_column(String(2), index=True)
    postal_code: Mapped[str] = mapped_column(String(20), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    website: Mapped[str] = mapped_column(String(300), default="")
    latitude: Mapped[float]
    longitude: Mapped[float]
    is_approximate: Mapped[bool] = mapped_column(default=False)
    source: Mapped[str] = mapped_column(String(120), default="")
    checked_on: Mapped[str] = mapped_column(String(10), default="")  # ISO date
