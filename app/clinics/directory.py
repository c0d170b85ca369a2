"""The clinic directory in the database: filled from our own CSV, replaced or extended by an import.

Rows are never changed in place: a changed clinic gets a new id. That is how `nearest` notices in every process that
what it holds in memory is out of date.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, func, insert, select

from app import audit
from app.clinics.facts import COLUMNS, ClinicFacts, clinic_key
from app.store.database import writing
from app.tables import Clinic
from app.web.extensions import db

BUNDLED = Path(__file__).parent / "directory.csv"


@dataclass(frozen=True)
class Change:
    """What an import did to the directory."""

    added: int
    replaced: int
    removed: int


def bundled() -> list[ClinicFacts]:
    """The clinics that ship with the product."""
    with BUNDLED.open(encoding="utf-8", newline="") as file:
        return [_from_csv(row) for row in csv.DictReader(file)]


def _from_csv(row: dict[str, str]) -> ClinicFacts:
    values: dict[str, Any] = dict(row)
    values["latitude"], values["longitude"] = float(row["latitude"]), float(row["longitude"])
    values["is_approximate"] = row["is_approximate"] == "yes"
    return ClinicFacts(**values)


def stored() -> list[ClinicFacts]:
    """Every clinic of the directory."""
    return [
        ClinicFacts(**{name: getattr(row, name) for name in COLUMNS})
        for row in db.session.scalars(select(Clinic).order_by(Clinic.id))
    ]


def seed() -> int:
    """Fill an empty directory with the bundled clinics and return how many were added; 0 when it holds any."""
    if _is_filled():
        return 0
    with writing():
        if _is_filled():  # another process was quicker
            return 0
        return _insert(bundled())


def _is_filled() -> bool:
    return db.session.scalar(select(Clinic.id).limit(1)) is not None


def replace(facts: Sequence[ClinicFacts], actor: str, **details: Any) -> Change:
    """Put these clinics in the place of all others, and record it."""
    with writing():
        first_id = _next_id()
        removed = db.session.scalar(select(func.count()).select_from(Clinic)) or 0
        db.session.execute(delete(Clinic))
        change = Change(added=_insert(facts, first_id), replaced=0, removed=removed)
        audit.record(actor, "clinics.replace", **asdict(change), **details)
    return change


def merge(facts: Sequence[ClinicFacts], actor: str, **details: Any) -> Change:
    """Add these clinics; one of the same name, city and country takes the place of the old one. Recorded."""
    with writing():
        first_id = _next_id()
        keys = {row.key for row in facts}
        outdated = [number for number, key in _keys() if key in keys]
        for start in range(0, len(outdated), 500):  # SQLite binds a limited number of values
            db.session.execute(delete(Clinic).where(Clinic.id.in_(outdated[start : start + 500])))
        added = _insert(facts, first_id)
        change = Change(added=added - len(outdated), replaced=len(outdated), removed=0)
        audit.record(actor, "clinics.merge", **asdict(change), **details)
    return change


def _keys() -> list[tuple[int, tuple[str, str, str]]]:
    rows = db.session.execute(select(Clinic.id, Clinic.name, Clinic.city, Clinic.country))
    return [(number, clinic_key(name, city, country)) for number, name, city, country in rows]


def _next_id() -> int:
    return (db.session.scalar(select(func.max(Clinic.id))) or 0) + 1


def _insert(facts: Sequence[ClinicFacts], first_id: int = 1) -> int:
    rows = [asdict(row) | {"id": number} for number, row in enumerate(facts, start=first_id)]
    if rows:
        db.session.execute(insert(Clinic), rows)
    return len(rows)
